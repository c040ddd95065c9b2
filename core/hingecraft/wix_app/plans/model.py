"""Facts about a site's plan, and the plan that follows from them. Pure.

Wix's events come twice, late and in any order. So each is kept as a fact, and the plan is derived again from all facts
of the site: whichever came last, the result is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from hingecraft.periods import Period

# Of a plan or of a product.
LONGEST_NAME = 100
_MONTHS_OF_CYCLES: Mapping[str, int] = {
    "MONTHLY": 1,
    "YEARLY": 12,
    "TWO_YEARS": 24,
    "THREE_YEARS": 36,
    "FOUR_YEARS": 48,
    "FIVE_YEARS": 60,
}
# The times of one payment in an event and in an answer differ by less; with the same invoice, by less than any period.
_SAME_TIME = timedelta(days=1)
_SAME_INVOICE = timedelta(days=20)


class Kind(StrEnum):
    """The kinds of facts."""

    # A plan begins: purchased, changed, converted from a free trial, or transferred to this site.
    BEGUN = "begun"
    REACTIVATED = "reactivated"
    CANCELLED = "cancelled"
    PAYMENT_FAILED = "payment_failed"
    PAID = "paid"
    # The money of an invoice went back.
    RETURNED = "returned"
    # Wix's answer when it was asked: it counts for everything before it.
    SEEN = "seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that Wix has told. `happened_at` orders facts; `fact_id` names one that is told twice."""

    fact_id: str
    kind: Kind
    happened_at: datetime
    product: str | None = None
    cycle: str | None = None
    # When Wix says that the plan's period began; None: when it happened.
    starts_at: datetime | None = None
    # Known only for plans of a year and longer.
    ends_at: datetime | None = None
    invoice_id: str | None = None
    # A cancellation that ends access at once.
    at_once: bool = False
    # Whether Wix renews it, where Wix was asked.
    renews: bool = True
    # When it was stored here; None: it is not stored yet.
    heard_at: datetime | None = None

    @property
    def ended_at(self) -> datetime:
        """The end of an access that ends at once: by our clock at the latest, since Wix's may be ahead."""
        return self.happened_at if self.heard_at is None else min(self.happened_at, self.heard_at)

    @property
    def details(self) -> dict[str, Any]:
        """The fields that are stored as JSON."""
        fields = asdict(self)
        for name in ("fact_id", "kind", "happened_at", "heard_at"):
            del fields[name]
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}

    @classmethod
    def stored(
        cls,
        fact_id: str,
        kind: str,
        happened_at: datetime,
        details: Mapping[str, Any],
        heard_at: datetime | None = None,
    ) -> Fact:
        """A fact as it was stored."""
        fields = dict(details)
        for name in ("starts_at", "ends_at"):
            fields[name] = datetime.fromisoformat(fields[name]) if fields[name] else None
        return cls(fact_id=fact_id, kind=Kind(kind), happened_at=happened_at, heard_at=heard_at, **fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidPeriod:
    """One billing period of a plan. `end` is None for a plan that is paid once."""

    product: str
    cycle: str
    start: datetime
    end: datetime | None
    invoice_id: str | None

    def is_near(self, other: PaidPeriod) -> bool:
        """Whether both are of one plan, and begin at about the same time."""
        is_same_plan = (self.product, self.cycle) == (other.product, other.cycle)
        return is_same_plan and abs(self.start - other.start) < _SAME_TIME

    def is_same(self, other: PaidPeriod) -> bool:
        """Whether both are one period, told by an event and by an answer."""
        if self.invoice_id is None or other.invoice_id is None:
            return self.is_near(other)
        return (self.product, self.cycle, self.invoice_id) == (other.product, other.cycle, other.invoice_id) and abs(
            self.start - other.start
        ) < _SAME_INVOICE


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanState:
    """The plan of a site. Without a period it is the free one."""

    period: PaidPeriod | None = None
    cancel_at_period_end: bool = False
    # None: access goes on, also after the period's end, because Wix renews plans without an event.
    access_ends_at: datetime | None = None
    payment_failed_at: datetime | None = None
    # Whether the money for this period went back.
    is_returned: bool = False
    # The invoice in Wix's last answer: another one is a renewal.
    seen_invoice: str | None = None


def state_of(facts: Iterable[Fact]) -> PlanState:
    """The plan that follows from all facts of a site, in whatever order they are given."""
    ordered = sorted(facts, key=lambda fact: (fact.happened_at, fact.kind, fact.fact_id))
    state = PlanState()
    for fact in ordered:
        state = _AFTER[fact.kind](state, fact)
    returned = {fact.invoice_id for fact in ordered if fact.kind is Kind.RETURNED}
    is_returned = state.period is not None and state.period.invoice_id in returned - {None}
    return replace(state, is_returned=is_returned)


def period_at(product: str, cycle: str, first: datetime, at: datetime, invoice_id: str | None) -> PaidPeriod:
    """The period that a time is in, when the first one began at `first`; months are those of the calendar."""
    months = _MONTHS_OF_CYCLES.get(cycle)
    if months is None:
        return PaidPeriod(product=product, cycle=cycle, start=first, end=None, invoice_id=invoice_id)
    number = max(0, ((at.year - first.year) * 12 + at.month - first.month) // months - 1)
    while _after(first, (number + 1) * months) <= at:
        number += 1
    start, end = _after(first, number * months), _after(first, (number + 1) * months)
    return PaidPeriod(
        product=product, cycle=cycle, start=start, end=end, invoice_id=invoice_id if number == 0 else None
    )


def _after(start: datetime, months: int) -> datetime:
    return Period(unit="month", count=months).after(start)


def _begun(_state: PlanState, fact: Fact) -> PlanState:
    return PlanState(period=_told_period(fact))


def _told_period(fact: Fact) -> PaidPeriod:
    """The period that a fact names."""
    start = fact.starts_at or fact.happened_at
    first = period_at(fact.product or "", fact.cycle or "", start, start, fact.invoice_id)
    return replace(first, end=fact.ends_at or first.end)


def _reactivated(state: PlanState, fact: Fact) -> PlanState:
    """A cancellation is taken back: the same period goes on, or a new one begins where access had ended."""
    begun = state.period
    has_ended = begun is None or (state.access_ends_at is not None and state.access_ends_at <= fact.happened_at)
    is_longer = begun is not None and fact.ends_at is not None and begun.end is not None and fact.ends_at > begun.end
    if has_ended or is_longer:
        return _begun(state, fact)
    return replace(state, cancel_at_period_end=False, access_ends_at=None, payment_failed_at=None)


def _cancelled(state: PlanState, fact: Fact) -> PlanState:
    if state.period is None:
        return state
    if fact.at_once:
        return replace(state, cancel_at_period_end=False, access_ends_at=fact.ended_at)
    period = _current(state.period, fact.happened_at)
    return replace(state, period=period, cancel_at_period_end=True, access_ends_at=period.end or fact.happened_at)


def _current(period: PaidPeriod, at: datetime) -> PaidPeriod:
    """The period at that time: renewals before it may not have been told."""
    if period.end is None or at < period.end:
        return period
    return period_at(period.product, period.cycle, period.start, at, period.invoice_id)


def _payment_failed(state: PlanState, fact: Fact) -> PlanState:
    return replace(state, payment_failed_at=fact.happened_at) if state.period is not None else state


def _paid(state: PlanState, _fact: Fact) -> PlanState:
    return replace(state, payment_failed_at=None)


def _returned(state: PlanState, _fact: Fact) -> PlanState:
    return state


def _seen(state: PlanState, fact: Fact) -> PlanState:
    """Wix's answer: a plan that Wix calls paid goes on, even where its end has passed."""
    if fact.product is None:
        ended = state.access_ends_at is not None and state.access_ends_at <= fact.happened_at
        if state.period is None or ended:
            return state
        return replace(state, cancel_at_period_end=False, access_ends_at=fact.ended_at, payment_failed_at=None)
    before, now = state.period, _seen_period(fact)
    if before is not None and before.is_near(now):
        has_renewed = state.seen_invoice is not None and fact.invoice_id not in {None, state.seen_invoice}
        now = _next(before, fact) if has_renewed else replace(before, end=fact.ends_at or before.end)
    if now.invoice_id is None and (before is None or before.invoice_id != fact.invoice_id):
        now = replace(now, invoice_id=fact.invoice_id)
    ends = not fact.renews and now.end is not None and now.end > fact.happened_at
    return PlanState(
        period=now,
        cancel_at_period_end=ends,
        access_ends_at=now.end if ends else None,
        payment_failed_at=state.payment_failed_at,
        seen_invoice=fact.invoice_id or state.seen_invoice,
    )


def _seen_period(fact: Fact) -> PaidPeriod:
    """The period of an answer; its beginning is that of the first one, however often it was renewed."""
    first = replace(_told_period(replace(fact, ends_at=None)), invoice_id=None)
    if fact.ends_at is None:
        return _current(first, fact.happened_at)
    return replace(_current(first, fact.ends_at - _SAME_TIME), end=fact.ends_at)


def _next(period: PaidPeriod, fact: Fact) -> PaidPeriod:
    """The period after this one, which Wix has charged before our clock has reached it."""
    following = _current(replace(period, invoice_id=None), period.end or period.start)
    return replace(following, end=fact.ends_at or following.end, invoice_id=fact.invoice_id)


_AFTER = {
    Kind.BEGUN: _begun,
    Kind.REACTIVATED: _reactivated,
    Kind.CANCELLED: _cancelled,
    Kind.PAYMENT_FAILED: _payment_failed,
    Kind.PAID: _paid,
    Kind.RETURNED: _returned,
    Kind.SEEN: _seen,
}
