"""Texts, links and colours that owners type for others to read, checked before they are stored."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, WithJsonSchema

_LONGEST_LINK = 500
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_LINK = re.compile(r"[\x21-\x7e]+")
# Control characters, ends of lines, and signs that reorder the text that follows.
_HIDDEN = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069]")


def _plain(typed: str) -> str:
    if _HIDDEN.search(typed):
        raise ValueError("must be one line of text without control characters")
    return typed.strip()


def _link(typed: str) -> str:
    if not typed:
        return typed
    wrong = ValueError("must be an https address such as https://www.example.com/privacy")
    if len(typed) > _LONGEST_LINK or not _LINK.fullmatch(typed):
        raise wrong
    try:
        parts = urlsplit(typed)
    except ValueError:
        raise wrong from None
    if parts.scheme != "https" or not parts.hostname or "@" in parts.netloc or "\\" in typed:
        raise wrong
    return typed


def _color(typed: str) -> str:
    if typed and not _COLOR.fullmatch(typed):
        raise ValueError("must be a colour such as #14594c")
    return typed.lower()


PlainText = Annotated[str, AfterValidator(_plain)]
HttpsLink = Annotated[str, AfterValidator(_link), WithJsonSchema({"type": "string", "maxLength": _LONGEST_LINK})]
Color = Annotated[str, AfterValidator(_color), WithJsonSchema({"type": "string", "pattern": "^(#[0-9a-fA-F]{6})?$"})]
