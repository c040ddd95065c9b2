"""The days that statistics are about, and their figures. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

from hingecraft.errors import InvalidError

USUAL_DAYS, MOST_DAYS = 30, 366
EARLIEST, LATEST = date(2000, 1, 1), date(2999, 12, 31)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From `start` until just before `end`."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Days:
    """Days, both included."""

    first: date
    last: date

    @property
    def span(self) -> Span:
        """Days in UTC, until the midnight after the last one."""
        return Span(start=_midnight(self.first), end=_midnight(self.last + timedelta(days=1)))


def check_day(field: str, day: date | None) -> None:
    """Raise an InvalidError that names the field for a day with which no calendar can count."""
    if day is not None and not EARLIEST <= day <= LATEST:
        raise _wrong(field, f"must be between {EARLIEST} and {LATEST}")


def days_between(first: date | None, last: date | None, today: date, zone: str = "UTC") -> Days:
    """The days that were asked for; by default thirty, which end today. Raises an InvalidError that names the field."""
    for name, day in (("from", first), ("to", last)):
        check_day(name, day)
    end = last if last is not None else today
    start = first if first is not None else max(end - timedelta(days=USUAL_DAYS - 1), EARLIEST)
    if start > end:
        raise _wrong(
            "from", "must not be after to" if last is not None else f"must not be after today, {today} in {zone}"
        )
    number = (end - start).days + 1
    if number > MOST_DAYS:
        raise _wrong("from", f"must be at most {MOST_DAYS} days before the end of the range, which has {number} days")
    return Days(first=start, last=end)


def _wrong(field: str, reason: str) -> InvalidError:
    return InvalidError("invalid_request", f"Please correct: {field} {reason}.", fields={field: reason})


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payments:
    """Members' payments that were begun in a span, as they are now."""

    # Also those that were refunded or disputed later.
    paid: int
    failed: int
    # Only those with an attempt to pay that failed.
    expired: int
    # Paid ones of which money went back by a refund that did not fail.
    refunded: int
    # Seconds from the beginning of a payment until its money was booked; None: nothing was paid.
    p50: float | None
    p99: float | None

    @property
    def success_rate(self) -> float | None:
        """The share that was paid."""
        return _rate(self.paid, self.paid + self.failed + self.expired)

    @property
    def refund_rate(self) -> float | None:
        """The share of the paid ones that was refunded, at least in part."""
        return _rate(self.refunded, self.paid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhooks:
    """Stripe's events that were received in a span, of both modes."""

    received: int
    # Including those that were ignored, since they are not about our payments.
    processed: int
    waiting: int
    # Received more than a minute ago, and how many of those are processed.
    due: int
    due_processed: int

    @property
    def success_rate(self) -> float | None:
        """The share of those received more than a minute ago that is processed."""
        return _rate(self.due_processed, self.due)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revenue:
    """The money of one day in UTC: charges, less what went back on that day."""

    day: date
    # `credits`, or the type of the product.
    type: str
    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """The statistics of a span."""

    payments: Payments
    webhooks: Webhooks
    revenue: Sequence[Revenue]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentFigures:
    """The figures for metrics: money goes back later than it comes, so refunds are counted over a longer time."""

    last_day: Figures
    last_month: Payments


def _rate(part: int, whole: int) -> float | None:
    return part / whole if whole else None
