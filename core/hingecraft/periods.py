"""Periods of the calendar in UTC: a month after 31 January is the last day of February. Pure."""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

Unit = Literal["day", "week", "month", "year"]
_DAYS_OF_A_WEEK, _MONTHS_OF_A_YEAR = 7, 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """So many days, weeks, months or years."""

    unit: Unit
    count: int

    def after(self, start: datetime) -> datetime:
        """The end of a period that begins at that time."""
        start = start.astimezone(UTC)
        if self.unit == "day":
            return start + timedelta(days=self.count)
        if self.unit == "week":
            return start + timedelta(days=self.count * _DAYS_OF_A_WEEK)
        return _months_after(start, self.count * (_MONTHS_OF_A_YEAR if self.unit == "year" else 1))


def _months_after(start: datetime, months: int) -> datetime:
    years, month = divmod(start.month - 1 + months, _MONTHS_OF_A_YEAR)
    year = start.year + years
    last = calendar.monthrange(year, month + 1)[1]
    return start.replace(year=year, month=month + 1, day=min(start.day, last))
