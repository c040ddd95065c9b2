"""Days in UTC, as callers write them."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from hingecraft_api.messages.bodies import wrong_field
from hingecraft_api.messages.sentences import Shape

_NOT_A_DAY = "must be a day in UTC, such as 2026-11-27"
FIRST_DAY, LAST_DAY = "2026-11-01", "2026-11-30"

Day = Annotated[str, Shape("^[0-9]{4}-[0-9]{2}-[0-9]{2}$", _NOT_A_DAY)]


def day_of(field: str, text: str | None) -> date | None:
    """The day; raises an InvalidError that names the field if the calendar does not have it."""
    try:
        return date.fromisoformat(text) if text is not None else None
    except ValueError:
        raise wrong_field("invalid_request", field, _NOT_A_DAY) from None
