"""Billing periods as a calendar has them: a month after 31 January is the last of February, then 31 March again."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, datetime

from hingecraft_sandbox.providers.book import Document

DAY, HOUR = 86_400, 3_600
_DAYS = {"day": 1, "week": 7}
_MONTHS = {"month": 1, "year": 12}


def months_after(anchor: int, months: int) -> int:
    """The moment so many months after the anchor, on the anchor's day or the last day of a shorter month."""
    start = datetime.fromtimestamp(anchor, UTC)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = min(start.day, monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())


def period_end(anchor: int, start: int, recurring: Document) -> int:
    """The end of the period that starts at `start`: the anchor's next return after it."""
    interval, count = recurring["interval"], int(recurring.get("interval_count", 1))
    if interval in _DAYS:
        length = _DAYS[interval] * count * DAY
        return start + length - (start - anchor) % length
    step = _MONTHS[interval] * count
    first, then = datetime.fromtimestamp(anchor, UTC), datetime.fromtimestamp(start, UTC)
    periods = ((then.year - first.year) * 12 + then.month - first.month) // step
    ends = (months_after(anchor, (periods + more) * step) for more in range(3))
    return next(end for end in ends if end > start)
