"""The differences between two versions of the routes, as lines for people. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

Routes = Mapping[str, Mapping[str, Any]]


def differences(before: Routes, after: Routes) -> Iterator[str]:
    """One line for each route that came (+) or went (-), and for each field that changed (~), by currency."""
    for code in sorted({*before, *after}):
        if code not in before:
            yield f"+ {code} {after[code].get('name', '')}"
        elif code not in after:
            yield f"- {code} {before[code].get('name', '')}"
        else:
            yield from _changed(code, _flat(before[code]), _flat(after[code]))


def _changed(code: str, before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for field in sorted({*before, *after}):
        was, now = before.get(field, "nothing"), after.get(field, "nothing")
        if was != now:
            yield f"~ {code} {field}: {was} -> {now}"


def _flat(route: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """The fields of a route as JSON; those of its wallet by names such as wallet.address."""
    found: dict[str, str] = {}
    for name, value in route.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = json.dumps(value, ensure_ascii=False)
    return found
