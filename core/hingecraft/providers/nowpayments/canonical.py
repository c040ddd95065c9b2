"""JSON as JavaScript would write it after sorting every object's keys: what NOWPayments signs.

Numbers stay as they were written, since `0.00005` and `5e-05` are one number and two signatures.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, NoReturn

_DEEPEST = 64
_HALF_PAIR = re.compile("[\ud800-\udfff]")
# JavaScript keeps names that are array indices first and in the order of numbers, however they were added.
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")
_LARGEST_INDEX = 2**32 - 2


class _Number(str):
    """A number as its digits were written."""

    __slots__ = ()


def parse(body: bytes) -> Any:
    """The document with each number as it was written; ValueError for anything that is not JSON."""
    try:
        return json.loads(body.decode("utf-8"), parse_float=_Number, parse_int=_Number, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not valid JSON")


def canonical(document: Any, depth: int = 0) -> str:
    """Compact, keys sorted at every level."""
    if depth > _DEEPEST:
        raise ValueError("nested too deeply")
    if isinstance(document, dict):
        members = (f"{_text(name)}:{canonical(document[name], depth + 1)}" for name in _in_order(document))
        return "{" + ",".join(members) + "}"
    if isinstance(document, list):
        return "[" + ",".join(canonical(each, depth + 1) for each in document) + "]"
    if isinstance(document, _Number):
        return str(document)
    if isinstance(document, str):
        return _text(document)
    return {True: "true", False: "false", None: "null"}[document]


def _in_order(names: Iterable[str]) -> list[str]:
    indices = [name for name in names if _INDEX.fullmatch(name) and int(name) <= _LARGEST_INDEX]
    known = set(indices)
    others = [name for name in names if name not in known]
    # JavaScript compares UTF-16 units, Python code points.
    return sorted(indices, key=int) + sorted(others, key=lambda name: name.encode("utf-16-be", "surrogatepass"))


def _text(text: str) -> str:
    return _HALF_PAIR.sub(lambda half: f"\\u{ord(half[0]):04x}", json.dumps(text, ensure_ascii=False))
