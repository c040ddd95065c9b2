"""The days that an overview is about, and their figures. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import NamedTuple

from hingecraft.payments.filters import midnight
from hingecraft.stats.model import Days


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Days in a zone of IANA's table, and the same number of days before."""

    days: Days
    zone: str

    @property
    def before(self) -> Days:
        """As many days, just before."""
        return Days(first=self.days.first - self._length, last=self.days.first - timedelta(days=1))

    @property
    def spans(self) -> list[date]:
        """The first day of each span that has sums of its own: the days before are one, the others are one each."""
        return [self.before.first, *self._each_day]

    @property
    def begins(self) -> list[datetime]:
        """When each of the spans begins, and when the last one ends."""
        return [midnight(day, self.zone) for day in (*self.spans, self.days.last + timedelta(days=1))]

    def is_current(self, day: date) -> bool:
        """Whether it is one of the days that were asked for."""
        return day >= self.days.first

    @property
    def _each_day(self) -> list[date]:
        return [self.days.first + timedelta(days=each) for each in range(self._length.days)]

    @property
    def _length(self) -> timedelta:
        return self.days.last - self.days.first + timedelta(days=1)


class Figures(NamedTuple):
    """Sums of one mode and currency over a day or several, named by the first; there may be thousands."""

    day: date
    livemode: bool
    currency: str
    # How many times money came in.
    movements: int = 0
    without_value: int = 0
    paid: int = 0
    failed: int = 0
    expired: int = 0
    abandoned: int = 0
    received: Decimal = Decimal(0)
    refunded: Decimal = Decimal(0)
    disputed: Decimal = Decimal(0)
    usd: Decimal = Decimal(0)

    @property
    def net(self) -> Decimal:
        """The money that is left."""
        return self.received - self.refunded - self.disputed

    @property
    def has_money(self) -> bool:
        """Whether money moved."""
        return bool(self.movements or self.received or self.refunded or self.disputed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempts:
    """Payments that were begun in a period and are decided, as they are now."""

    # Also those that were refunded or disputed later.
    paid: int = 0
    failed: int = 0
    # Not paid in time, after an attempt that failed.
    expired: int = 0
    # Not paid in time, and nobody tried.
    abandoned: int = 0

    @property
    def success_rate(self) -> float | None:
        """The share of those that somebody tried to pay; None: nobody did."""
        tried = self.paid + self.failed + self.expired
        return self.paid / tried if tried else None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodFigures:
    """One period: its totals for each mode and currency, and its payments in the mode that was asked for."""

    days: Days
    totals: Sequence[Figures]
    attempts: Attempts
    # Seconds from the beginning of a payment until its money was booked; None: nothing was paid.
    median_seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """Something that a person should look at."""

    kind: str
    count: int
    # Since when the oldest of them waits, where that is known.
    since: datetime | None = None
    # Names, such as those of pods.
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything that the overview shows."""

    zone: str
    livemode: bool
    as_of: datetime
    current: PeriodFigures
    before: PeriodFigures
    # Those of the current period in the mode that was asked for, in order of day and currency.
    by_day: Sequence[Figures]
    attention: Sequence[Attention]


def added(rows: Sequence[Figures]) -> list[Figures]:
    """The sums for each mode and currency, real money first. The day is that of the first row."""
    of_key: dict[tuple[bool, str], list[Figures]] = {}
    for row in rows:
        of_key.setdefault((not row.livemode, row.currency), []).append(row)
    return [_sum(of_key[key]) for key in sorted(of_key)]


def attempts_of(rows: Sequence[Figures]) -> Attempts:
    """Payments of these rows."""
    return Attempts(
        paid=sum(row.paid for row in rows),
        failed=sum(row.failed for row in rows),
        expired=sum(row.expired for row in rows),
        abandoned=sum(row.abandoned for row in rows),
    )


def _sum(rows: Sequence[Figures]) -> Figures:
    first, columns = rows[0], zip(*rows, strict=True)
    return Figures(*first[:3], *(sum(column) for column in islice(columns, 3, None)))
