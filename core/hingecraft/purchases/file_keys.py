"""Keys of files below DOWNLOADS. Pure."""

from __future__ import annotations

import re

# In bytes, as in S3.
LONGEST_KEY = 1024
# Control characters, halves of surrogate pairs, separators of Windows, and characters that turn text around, so that
# a name could show another extension than it has.
_NOT_IN_KEYS = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\\\\\u2028-\u202e\u2066-\u2069]")


def key_problem(key: str) -> str | None:
    """Why a key cannot name a file, to continue a sentence that begins with the field; None: it can."""
    parts = key.split("/")
    if key.startswith("/"):
        return "must be a key below DOWNLOADS, without a slash at its start"
    if "" in parts:
        return "must name a file: without an empty part, and without a slash at its end"
    if not {".", ".."}.isdisjoint(parts):
        return "must not have . or .. as a part"
    if _NOT_IN_KEYS.search(key):
        return "must not have control characters or backslashes"
    if len(key.encode()) > LONGEST_KEY:
        return f"must have at most {LONGEST_KEY} bytes"
    return None
