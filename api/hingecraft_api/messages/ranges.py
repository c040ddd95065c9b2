"""Single byte ranges of a file, by RFC 9110."""

from __future__ import annotations

import re
from dataclasses import dataclass

_ONE_RANGE = re.compile(r"\s*bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.ASCII | re.IGNORECASE)


class UnsatisfiableRangeError(Exception):
    """The range begins after the end of the file."""


@dataclass(frozen=True, slots=True)
class Part:
    """The bytes to send, from `start` up to `end`, which is not sent any more; None: all of them."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """In bytes."""
        return self.end - self.start


def part_of(wanted: str | None, if_range: str | None, etag: str, size: int) -> Part | None:
    """The part that a client wants; None for all of the file.

    All of it is the answer to several ranges, to anything else that is not one range, and where `If-Range` names
    another version. Raises UnsatisfiableRangeError.
    """
    found = _ONE_RANGE.fullmatch(wanted) if wanted is not None and if_range in (None, etag) else None
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        start, end = max(0, size - int(found[2])), size
    else:
        start, end = int(found[1]), min(size, int(found[2]) + 1) if found[2] else size
    if found[1] and found[2] and int(found[2]) < start:
        return None
    if start >= end:
        raise UnsatisfiableRangeError
    return Part(start, end)
