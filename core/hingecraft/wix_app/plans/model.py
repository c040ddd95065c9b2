"""Facts about a site's plan, and the plan that follows from them. Pure.

Wix's events come twice, late and in any order. So each is kept as a fact, and the plan is derived again from all facts
of the site: whichever came last, the result is the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
# An answer of Wix that contradicts an event of the last minute is older than the event.
_SETTLES = timedelta(minutes=1)
# Wix sends a message again for 48 hours, signed again: what is signed later than that is news.
_SENT_AGAIN = timedelta(days=3)
# The times of one payment in an event and in an answer differ by less; with the same invoice, by less than any period.
_SAME_TIME = timedelta(days=1)
_SAME_INVOICE = timedelta(days=20)


class Kind(StrEnum):
    """The kinds of facts."""

    # A plan begins: purchased, changed, or converted from a free trial.
    BEGUN = "begun"
    REACTIVATED = "reactivated"
    # It belongs to another Wix account now, with the site or on another one.
    TRANSFERRED = "transferred"
    CANCELLED = "cancelled"
    PAYMENT_FAILED = "payment_failed"
    PAID = "paid"
    # The money of an invoice went back.
    RETURNED = "returned"
    # The same, until the bank decides otherwise.
    CHARGED_BACK = "charged_back"
    # Wix's answer when it was asked: it counts for everything before it.
    ANSWER = "seen"


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
    # Of two plans that begin in the same moment, the one that replaces the other.
    is_change: bool = False
    # When it was stored here; None: it is not stored yet.
    recorded_at: datetime | None = None

    @property
    def order(self) -> tuple[Any, ...]:
        """Sorts facts as they happened. Those of one moment are sorted by what they say; the last one counts."""
        return (self.counted_at, self.kind, self.is_change, self.at_once, self.fact_id)

    @property
    def counted_at(self) -> datetime:
        """When it happened; for a failed payment that names only a second, the end of that second.

        A purchase has milliseconds. One of the same second would otherwise come after its failure, and hide it.
        """
        at = self.happened_at
        is_second = self.kind is Kind.PAYMENT_FAILED and at.microsecond == 0
        return at.replace(microsecond=999_999) if is_second else at

    @property
    def ended_at(self) -> datetime:
        """The end of an access that ends at once: by our clock at the latest, since Wix's may be ahead."""
        return self.happened_at if self.recorded_at is None else min(self.happened_at, self.recorded_at)

    @property
    def details(self) -> dict[str, Any]:
        """The fields that are stored as JSON."""
        fields = asdict(self)
        for name in ("fact_id", "kind", "happened_at", "recorded_at"):
            del fields[name]
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in fields.items()}

    @classmethod
    def stored(
        cls,
        fact_id: str,
        kind: str,
        happened_at: datetime,
        details: Mapping[str, Any],
        recorded_at: datetime | None = None,
    ) -> Fact:
        """A fact as it was stored."""
        fields = dict(details)
        for name in ("starts_at", "ends_at"):
            fields[name] = datetime.fromisoformat(fields[name]) if fields[name] else None
        return cls(fact_id=fact_id, kind=Kind(kind), happened_at=happened_at, recorded_at=recorded_at, **fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidPeriod:
    """One billing period of a plan. `end` is None for a plan that is paid once.

    Its invoice has a name in events, and perhaps another one in Wix's answers.
    """

    product: str
    cycle: str
    start: datetime
    end: datetime | None
    invoice_id: str | None
    answered_invoice: str | None = None

    @property
    def invoices(self) -> frozenset[str]:
        """The names of its invoice."""
        return frozenset(each for each in (self.invoice_id, self.answered_invoice) if each is not None)

    def is_of_plan(self, other: PaidPeriod) -> bool:
        """Whether both are of one plan."""
        return (self.product, self.cycle) == (other.product, other.cycle)

    def is_near(self, other: PaidPeriod) -> bool:
        """Whether both are of one plan, and begin at about the same time."""
        return self.is_of_plan(other) and abs(self.start - other.start) < _SAME_TIME

    def is_same(self, other: PaidPeriod) -> bool:
        """Whether both are one period, told by an event and by an answer."""
        if self.invoices & other.invoices:
            return self.is_of_plan(other) and abs(self.start - other.start) < _SAME_INVOICE
        two_payments = (self.invoice_id and other.invoice_id) or (self.answered_invoice and other.answered_invoice)
        return not two_payments and self.is_near(other)


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
    answered_invoice: str | None = None
    # When the last event about the plan happened.
    last_event_at: datetime | None = None
    # When the plan came to this site; of two sites that it was on, the later one has it.
    held_since: datetime | None = None

    def has_ended(self, at: datetime) -> bool:
        """Whether access has ended by that time."""
        return self.period is None or (self.access_ends_at is not None and self.access_ends_at <= at)


def state_of(facts: Iterable[Fact]) -> PlanState:
    """The plan that follows from all facts of a site, in whatever order they are given."""
    ordered = sorted(facts, key=lambda fact: fact.order)
    state = PlanState()
    for fact in _without_old_failures(ordered):
        state = _AFTER[fact.kind](state, fact)
    is_returned = state.period is not None and bool(state.period.invoices & _returned_invoices(ordered))
    return replace(state, is_returned=is_returned)


def _without_old_failures(told: Sequence[Fact]) -> list[Fact]:
    """All but failures that are signed soon after their invoice was paid.

    They were sent again, and happened before: events of invoices have no other time.
    """
    paid = [(fact.invoice_id, fact.counted_at) for fact in told if fact.kind is Kind.PAID]

    def is_old(fact: Fact) -> bool:
        return fact.kind is Kind.PAYMENT_FAILED and any(
            invoice_id == fact.invoice_id and timedelta() <= fact.counted_at - at <= _SENT_AGAIN
            for invoice_id, at in paid
            if invoice_id is not None
        )

    return [fact for fact in told if not is_old(fact)]


def _returned_invoices(ordered: Iterable[Fact]) -> set[str]:
    """Invoices whose money went back.

    One that was charged back is paid again if Wix says so when no message from before can come any more: the owner's
    bank has decided for us.
    """
    refunded: set[str] = set()
    charged_back: dict[str, datetime] = {}
    for fact in ordered:
        if fact.invoice_id is None:
            continue
        if fact.kind is Kind.RETURNED:
            refunded.add(fact.invoice_id)
        elif fact.kind is Kind.CHARGED_BACK:
            charged_back[fact.invoice_id] = fact.happened_at
        elif fact.kind is Kind.PAID:
            since = charged_back.get(fact.invoice_id)
            if since is not None and fact.happened_at - since > _SENT_AGAIN:
                del charged_back[fact.invoice_id]
    return refunded | charged_back.keys()


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


def _begun(state: PlanState, fact: Fact) -> PlanState:
    before, period = state.period, _named_period(fact)
    begun = PlanState(period=period, last_event_at=fact.happened_at, held_since=fact.happened_at)
    if before is None or before.invoice_id or state.has_ended(fact.happened_at) or not before.is_near(period):
        return begun
    # An answer has reported the same payment before its event.
    return replace(
        begun, period=replace(period, answered_invoice=before.answered_invoice), answered_invoice=state.answered_invoice
    )


def _named_period(fact: Fact) -> PaidPeriod:
    """The period that a fact names."""
    start = fact.starts_at or fact.happened_at
    first = period_at(fact.product or "", fact.cycle or "", start, start, fact.invoice_id)
    return replace(first, end=fact.ends_at or first.end)


def _reactivated(state: PlanState, fact: Fact) -> PlanState:
    """A cancellation is taken back: the same period goes on, or a new one begins where access had ended."""
    before = state.period
    is_same_payment = before is not None and fact.invoice_id in before.invoices
    if not is_same_payment and (state.has_ended(fact.happened_at) or _is_longer(before, fact)):
        return _begun(state, fact)
    return replace(
        state, cancel_at_period_end=False, access_ends_at=None, payment_failed_at=None, last_event_at=fact.happened_at
    )


def _is_longer(period: PaidPeriod | None, fact: Fact) -> bool:
    """Whether a fact is about a later period: ends of one period differ by less."""
    if period is None or period.end is None or fact.ends_at is None:
        return False
    return fact.ends_at - period.end > _SAME_INVOICE


def _transferred(state: PlanState, fact: Fact) -> PlanState:
    """The same period goes on where the site has the plan: nothing was paid."""
    has_plan = state.period is not None and state.period.is_of_plan(_named_period(fact))
    found = _reactivated(state, fact) if has_plan else _begun(state, fact)
    return replace(found, held_since=fact.happened_at)


def _cancelled(state: PlanState, fact: Fact) -> PlanState:
    if state.period is None or _is_about_another(state.period, fact):
        return state
    at = fact.happened_at
    if fact.at_once:
        return replace(state, cancel_at_period_end=False, access_ends_at=fact.ended_at, last_event_at=at)
    period = _current(state.period, at)
    return replace(state, period=period, cancel_at_period_end=True, access_ends_at=period.end or at, last_event_at=at)


def _is_about_another(period: PaidPeriod, fact: Fact) -> bool:
    """Whether a cancellation names another plan, such as the one before a change."""
    product, cycle = fact.product or period.product, fact.cycle or period.cycle
    return (product.lower(), cycle) != (period.product.lower(), period.cycle)


def _current(period: PaidPeriod, at: datetime) -> PaidPeriod:
    """The period at that time: renewals before it may not have been told."""
    if period.end is None or at < period.end:
        return period
    found = period_at(period.product, period.cycle, period.start, at, period.invoice_id)
    return replace(found, answered_invoice=period.answered_invoice) if found.start == period.start else found


def _payment_failed(state: PlanState, fact: Fact) -> PlanState:
    return replace(state, payment_failed_at=fact.happened_at) if state.period is not None else state


def _paid(state: PlanState, _fact: Fact) -> PlanState:
    return replace(state, payment_failed_at=None)


def _unchanged(state: PlanState, _fact: Fact) -> PlanState:
    return state


def _answered(state: PlanState, fact: Fact) -> PlanState:
    """Wix's answer: a plan that Wix calls paid goes on, even where its end has passed."""
    if fact.product is None:
        if state.has_ended(fact.happened_at):
            return state
        return replace(state, cancel_at_period_end=False, access_ends_at=fact.ended_at, payment_failed_at=None)
    before, now = state.period, _answered_period(fact)
    is_settling = state.last_event_at is not None and fact.happened_at - state.last_event_at < _SETTLES
    if is_settling and before is not None and not before.is_of_plan(now):
        return state
    now = _period_after_answer(before, now, fact, state.answered_invoice)
    ends = not fact.renews and now.end is not None and now.end > fact.happened_at
    found = replace(
        state,
        period=now,
        cancel_at_period_end=ends,
        access_ends_at=now.end if ends else None,
        answered_invoice=fact.invoice_id or state.answered_invoice,
        held_since=fact.happened_at if state.has_ended(fact.happened_at) else state.held_since,
    )
    if not is_settling:
        return found
    return replace(found, cancel_at_period_end=state.cancel_at_period_end, access_ends_at=state.access_ends_at)


def _period_after_answer(
    before: PaidPeriod | None, now: PaidPeriod, fact: Fact, answered_invoice: str | None
) -> PaidPeriod:
    """The period of an answer, when the one before was known."""
    if before is not None and before.is_near(now):
        if answered_invoice is not None and fact.invoice_id not in {None, answered_invoice}:
            return _next(before, fact)
        return replace(
            before, end=fact.ends_at or before.end, answered_invoice=fact.invoice_id or before.answered_invoice
        )
    if before is not None and before.is_of_plan(now) and now.start < before.start:
        # Wix counts from the first purchase, and an event has begun this period later.
        return replace(before, answered_invoice=fact.invoice_id or before.answered_invoice)
    is_old = before is not None and fact.invoice_id in before.invoices
    return now if is_old else replace(now, answered_invoice=fact.invoice_id)


def _answered_period(fact: Fact) -> PaidPeriod:
    """The period of an answer; its beginning is that of the first one, however often it was renewed."""
    first = replace(_named_period(replace(fact, ends_at=None)), invoice_id=None)
    if fact.ends_at is None:
        return _current(first, fact.happened_at)
    return replace(_current(first, fact.ends_at - _SAME_TIME), end=fact.ends_at)


def _next(period: PaidPeriod, fact: Fact) -> PaidPeriod:
    """The period after this one, which Wix has charged before our clock has reached it."""
    following = _current(period, period.end or period.start)
    return replace(following, end=fact.ends_at or following.end, invoice_id=None, answered_invoice=fact.invoice_id)


_AFTER = {
    Kind.BEGUN: _begun,
    Kind.REACTIVATED: _reactivated,
    Kind.TRANSFERRED: _transferred,
    Kind.CANCELLED: _cancelled,
    Kind.PAYMENT_FAILED: _payment_failed,
    Kind.PAID: _paid,
    Kind.RETURNED: _unchanged,
    Kind.CHARGED_BACK: _unchanged,
    Kind.ANSWER: _answered,
}
