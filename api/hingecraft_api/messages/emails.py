"""Checks the format of e-mail addresses."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, WithJsonSchema

_LONGEST = 254
_PATTERN = r"^[^@\s\x00-\x1f\x7f]{1,64}@[^@\s\x00-\x1f\x7f]{1,185}\.[^@\s.\x00-\x1f\x7f]{2,63}$"
_SHAPE = re.compile(_PATTERN)


def _checked(typed: str) -> str:
    if len(typed) > _LONGEST or not _SHAPE.fullmatch(typed):
        raise ValueError("must be an e-mail address such as name@example.com")
    return typed


def _checked_or_empty(typed: str) -> str:
    return _checked(typed) if typed else typed


Email = Annotated[
    str,
    AfterValidator(_checked),
    WithJsonSchema({"type": "string", "maxLength": _LONGEST, "pattern": _PATTERN}),
]
# Empty where somebody wants none any more.
EmailOrEmpty = Annotated[
    str,
    AfterValidator(_checked_or_empty),
    WithJsonSchema({"type": "string", "maxLength": _LONGEST, "pattern": f"^$|{_PATTERN}"}),
]
