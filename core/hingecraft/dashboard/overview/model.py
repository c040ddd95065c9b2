"""The days that an overview is about, and their figures. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

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
    def midnights(self) -> list[datetime]:
        """When each day begins, from the first one of `before`, and when the last one ends."""
        first = self.before.first
        return [midnight(first + timedelta(days=each), self.zone) for each in range(2 * self._length.days + 1)]

    def is_current(self, day: date) -> bool:
        """Whether it is one of the days that were asked for."""
        return day >= self.days.first

    @property
    def _length(self) -> timedelta:
        return self.days.last - self.days.first + timedelta(days=1)


class Figures(NamedTuple):
    """Sums of one day, mode and currency; there may be thousands."""

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
    """The sums for each mode and currency, real money first. The day is the last one."""
    found: dict[tuple[bool, str], Figures] = {}
    for row in rows:
        key = (not row.livemode, row.currency)
        found[key] = _plus(found[key], row) if key in found else row
    return [found[key] for key in sorted(found)]


def attempts_of(rows: Sequence[Figures]) -> Attempts:
    """Payments of these rows."""
    return Attempts(
        paid=sum(row.paid for row in rows),
        failed=sum(row.failed for row in rows),
        expired=sum(row.expired for row in rows),
        abandoned=sum(row.abandoned for row in rows),
    )


def _plus(one: Figures, other: Figures) -> Figures:
    sums: list[Any] = [mine + theirs for mine, theirs in zip(one[3:], other[3:], strict=True)]  # type: ignore[operator]
    return Figures(max(one.day, other.day), one.livemode, one.currency, *sums)
