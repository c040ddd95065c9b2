"""The pattern of a cron schedule, for the API server to check. It does not find ranges that run backwards."""

from __future__ import annotations

_MONTH_NAMES = "jan feb mar apr may jun jul aug sep oct nov dec"
_DAY_NAMES = "sun mon tue wed thu fri sat"


def _field(*values: str) -> str:
    value = f"({'|'.join(values)})"
    one = f"([*]|{value}(-{value})?)(/[1-9][0-9]?)?"
    return f"{one}(,{one})*"


def _names(text: str) -> str:
    return "|".join([*text.split(), *text.upper().split()])


_FIELDS = (
    _field("[0-5]?[0-9]"),
    _field("[01]?[0-9]", "2[0-3]"),
    _field("0?[1-9]", "[12][0-9]", "3[01]"),
    _field("0?[1-9]", "1[0-2]", _names(_MONTH_NAMES)),
    _field("0?[0-6]", _names(_DAY_NAMES)),
)
CRON_PATTERN = f"^(@(hourly|daily|midnight|weekly|monthly|yearly|annually)|{' '.join(_FIELDS)})$"
