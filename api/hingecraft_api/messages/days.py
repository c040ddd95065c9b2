"""Days and time zones, as callers write them."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from hingecraft_api.messages.bodies import wrong_field
from hingecraft_api.messages.described import described
from hingecraft_api.messages.sentences import Shape

_NOT_A_DAY = "must be a day, such as 2026-11-27"
_NOT_A_ZONE = "must be a time zone, such as Europe/Berlin"
FIRST_DAY, LAST_DAY = "2026-11-01", "2026-11-30"

Day = Annotated[str, Shape("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", _NOT_A_DAY)]
Zone = Annotated[str, Shape("^[A-Za-z][A-Za-z0-9_+/-]{1,63}$", _NOT_A_ZONE)]
ZONE = described("the time zone of the days, by its name in IANA's table", "Europe/Berlin")


def day_of(field: str, text: str | None) -> date | None:
    """The day; raises an InvalidError that names the field if the calendar does not have it."""
    try:
        return date.fromisoformat(text) if text is not None else None
    except ValueError:
        raise wrong_field("invalid_request", field, _NOT_A_DAY) from None


def zone_of(text: str) -> str:
    """The zone; raises an InvalidError if IANA's table does not have it."""
    try:
        ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise wrong_field("invalid_request", "zone", _NOT_A_ZONE) from None
    return text
