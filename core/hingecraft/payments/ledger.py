"""Decides what a finding changes in a payment: new settlements, and its next status. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypeAlias
from uuid import UUID

from hingecraft.errors import AskFirstError, ForeignError, NotYetError
from hingecraft.payments import old_payments
from hingecraft.payments.model import MOVES, MadeFor, Settled, Status
from hingecraft.providers.findings import CheckoutStatus, Finding, Money, Price

SETTLED = frozenset({Status.COMPLETED, Status.PARTIALLY_REFUNDED, Status.REFUNDED, Status.DISPUTED})
_INCOME = frozenset({"charge", "manual", "opening"})
_REFUNDS = frozenset({"refund", "refund_reversal"})
_DISPUTES = frozenset({"dispute", "dispute_reversal"})
# For these kinds a provider reports the total under a reference so far; other kinds are reported one by one.
_ADDING_UP = _DISPUTES | {"charge"}
_ENDED = {
    CheckoutStatus.FAILED: Status.FAILED,
    CheckoutStatus.EXPIRED: Status.EXPIRED,
    CheckoutStatus.MISSING: Status.ERROR,
}
_ON_THE_WAY = SETTLED | {Status.UNKNOWN}
_CENT_OF_A_CENT = Decimal("0.00000001")

# Today's value in dollars of one unit of a currency.
Rates: TypeAlias = Mapping[str, Decimal]
_NO_RATES: Rates = {}


class AnotherCheckoutError(ForeignError):
    """A checkout names one of our payments, but is not the checkout that we made for it."""


class UnknownPaymentError(NotYetError):
    """No payment has this id: it was lost, belongs to another installation, or is still being committed."""

    def __init__(self, payment_id: UUID | None) -> None:
        super().__init__(f"payment {payment_id} is not known yet")


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedPayment:
    """A payment's current state, with its settlements."""

    id: UUID
    status: Status
    amount: Decimal
    currency: str
    price_currency: str
    provider: str
    livemode: bool | None
    purpose: str
    user_id: UUID | None = None
    product: str | None = None
    # Seconds since it was begun.
    age: float = 0.0
    # Of the call that began it.
    request_id: str | None = None
    settled: tuple[Settled, ...] = ()
    # The ids of its own checkouts at each provider; None: the provider has not answered yet.
    checkouts: frozenset[tuple[str, str | None]] = frozenset()
    # It has no row yet: it is written together with its first money.
    made_for: MadeFor | None = None

    def after(self, decision: Decision) -> BookedPayment:
        """The payment's state after the decision."""
        status = decision.path[-1] if decision.path else self.status
        settled = (*_with_values(self.settled, decision.values), *(_as_settled(each) for each in decision.entries))
        return replace(self, status=status, settled=settled, made_for=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A settlement to book, with its value in dollars if it is known."""

    kind: str
    ref: str
    amount: Decimal
    currency: str
    usd: Decimal | None = None
    doubt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """The value in dollars of a settlement that had none."""

    kind: str
    ref: str
    usd: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The settlements to book, and the payment's next status."""

    entries: tuple[Entry, ...]
    path: tuple[Status, ...]
    checkout: Status | None
    mismatch: str | None
    values: tuple[Value, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.entries or self.path or self.values)


def decide(payment: BookedPayment, finding: Finding, rates: Rates = _NO_RATES) -> Decision:
    """Decide about a finding. Raises AskFirstError before it would make a move that the table forbids."""
    _require_our_checkout(payment, finding)
    if not finding.fresh and finding.invoice_id is not None and payment.status not in SETTLED:
        raise AskFirstError("the message does not say how the invoice was paid")
    if not finding.fresh and finding.worth_is_known and _lacks_value(payment, finding):
        raise AskFirstError("its worth in dollars is known by now")
    values = values_of(payment.settled, _worths(payment, finding))
    payment = replace(payment, settled=_with_values(payment.settled, values))
    entries = _new_entries(payment, finding, rates)
    if not finding.fresh and any(entry.kind == "charge" and entry.currency != "USD" for entry in entries):
        raise AskFirstError("its worth in dollars is not in the message")
    ledger = [*payment.settled, *(_as_settled(entry) for entry in entries)]
    # What the old software was paid, it has judged itself.
    judged = any(each.kind == "opening" for each in payment.settled)
    mismatch = (
        _mismatch(payment, finding, ledger)
        if not judged and (entries or finding.checkout_status is CheckoutStatus.PAID)
        else None
    )
    if mismatch and not finding.fresh:
        raise AskFirstError(f"the {mismatch} is not what was asked for")
    wanted = _wanted(payment, finding, ledger, mismatch)
    path = _path(payment.status, wanted)
    if path is None and not finding.fresh:
        raise AskFirstError(f"{payment.status} does not become {wanted}")
    checkout = _of_checkout(finding, mismatch)
    return Decision(entries=entries, path=path or (), checkout=checkout, mismatch=mismatch, values=values)


def values_of(settled: Sequence[Settled], worths: Mapping[tuple[str, str], Decimal]) -> tuple[Value, ...]:
    """Values that these settlements make known, by kind and reference: a refund gets its share of the charge's."""
    placed: list[Settled] = []
    waiting: list[Settled] = []
    found: list[Value] = []
    for each in settled:
        usd = worths.get((each.kind, each.ref)) if each.usd is None else None
        if usd is not None:
            found.append(Value(kind=each.kind, ref=each.ref, usd=usd))
        now = replace(each, usd=usd) if usd is not None else each
        (placed if now.usd is not None or now.kind in _INCOME else waiting).append(now)
    if not found:
        return ()
    # Twice, since a reversal may come before its refund if both were reported at once.
    for each in (*waiting, *waiting):
        usd = None if _is_among(each, placed) else _worth_back(each, placed)
        if usd is not None:
            placed.append(replace(each, usd=usd))
            found.append(Value(kind=each.kind, ref=each.ref, usd=usd))
    return tuple(found)


def _is_among(money: Money | Settled, before: Iterable[Settled]) -> bool:
    return any(each.kind == money.kind and each.ref == money.ref for each in before)


def _with_values(settled: Sequence[Settled], values: Sequence[Value]) -> tuple[Settled, ...]:
    found = {(value.kind, value.ref): value.usd for value in values}
    return tuple(replace(each, usd=found.get((each.kind, each.ref), each.usd)) for each in settled)


def _lacks_value(payment: BookedPayment, finding: Finding) -> bool:
    return any(each.kind == "charge" and each.ref == finding.charge and each.usd is None for each in payment.settled)


def _worths(payment: BookedPayment, finding: Finding) -> dict[tuple[str, str], Decimal]:
    """The finding's values for charges that were booked without one."""
    return {
        (each.kind, each.ref): money.worth.amount * each.amount / money.amount
        for money in finding.money
        if money.kind == "charge" and money.worth is not None and money.worth.currency == "USD" and money.amount
        for each in payment.settled
        if each.kind == "charge" and each.usd is None and each.ref.partition("/")[0] == money.ref
    }


def _require_our_checkout(payment: BookedPayment, finding: Finding) -> None:
    """Raise AnotherCheckoutError if the checkout names our payment but is not the one that we made for it."""
    ours = {checkout for provider, checkout in payment.checkouts if provider == finding.provider}
    if not finding.only_checkout or not ours or None in ours or finding.checkout_id in ours:
        return
    if not finding.fresh:
        raise AskFirstError("another checkout than ours names this payment")
    raise AnotherCheckoutError(f"{finding.checkout_id} names payment {payment.id} and is not its checkout")


def _new_entries(payment: BookedPayment, finding: Finding, rates: Rates) -> tuple[Entry, ...]:
    entries: list[Entry] = []
    opening = next((each for each in payment.settled if each.kind == "opening"), None)
    for said in finding.money:
        before = [*payment.settled, *(_as_settled(entry) for entry in entries)]
        money = old_payments.as_its_own(said, opening, finding, before) if opening is not None else said
        if money is None:
            continue
        if opening is not None and not _is_among(money, before):
            for room in old_payments.made_room(money, opening, before):
                entries.append(_entry(room, before, rates))
                before.append(_as_settled(entries[-1]))
        entry = _more_of(money, before, rates) if money.kind in _ADDING_UP else _once(money, before, rates)
        if entry is None:
            continue
        entries.append(entry)
        if opening is not None:
            follows = [old_payments.replaced(money, payment.id, before), *old_payments.room_given_back(money, before)]
            before.append(_as_settled(entry))
            entries.extend(_entry(each, before, rates) for each in follows if each is not None)
    return tuple(entries)


def _more_of(money: Money, before: Sequence[Settled], rates: Rates) -> Entry | None:
    """The amount that moved under this reference since it was last booked; it becomes a new settlement."""
    same = [each for each in before if each.kind == money.kind and each.ref.partition("/")[0] == money.ref]
    if any(each.currency != money.currency for each in same):
        return None
    booked = sum((each.amount for each in same), Decimal(0)) + old_payments.left_to_refunds(money, before)
    more = money.amount - booked
    if more * money.amount <= 0:
        return None
    worth = money.worth
    if worth is not None:
        worth = replace(worth, amount=worth.amount * more / money.amount)
    ref = f"{money.ref}/{len(same) + 1}" if same else money.ref
    return _entry(replace(money, ref=ref, amount=more, worth=worth), before, rates)


def _once(money: Money, before: Sequence[Settled], rates: Rates) -> Entry | None:
    """The entry of a refund that is not booked yet."""
    if _is_among(money, before):
        return None
    return _entry(money, before, rates)


def _entry(money: Money, before: Sequence[Settled], rates: Rates) -> Entry:
    return Entry(
        kind=money.kind, ref=money.ref, amount=money.amount, currency=money.currency, usd=_usd(money, before, rates),
        doubt=money.doubt,
    )  # fmt: skip


def _usd(money: Money, before: Sequence[Settled], rates: Rates) -> Decimal | None:
    """The value of a movement. Refunds have none before their charge has one: the total must not go below zero."""
    if money.currency == "USD":
        return money.amount
    said = money.worth.amount if money.worth is not None and money.worth.currency == "USD" else None
    if money.kind in _INCOME:
        return said if said is not None else _by_rate(money, rates)
    unvalued = any(each.kind in _INCOME and each.usd is None for each in before)
    if said is not None and not unvalued:
        return said
    share = _worth_back(money, before)
    return share if share is not None or unvalued else _by_rate(money, rates)


def _by_rate(money: Money, rates: Rates) -> Decimal | None:
    """The value by the rate of its price's currency, otherwise of its own."""
    if money.worth is not None and money.worth.currency in rates:
        return money.worth.amount * rates[money.worth.currency]
    return money.amount * rates[money.currency] if money.currency in rates else None


def _worth_back(money: Money | Settled, before: Sequence[Settled]) -> Decimal | None:
    """The value of a refund, a dispute or a reversal; None while the charge's value is unknown."""
    return _undone_worth(money, before) if money.kind.endswith("_reversal") else _share_of_income(money, before)


def _undone_worth(money: Money | Settled, before: Iterable[Settled]) -> Decimal | None:
    undone = money.kind.removesuffix("_reversal")
    ref = old_payments.reference(money.ref)
    found = next((each for each in before if each.kind == undone and each.ref == ref), None)
    if found is None or found.usd is None:
        return None
    if money.amount == -found.amount:
        return -found.usd
    return (found.usd * money.amount / found.amount).quantize(_CENT_OF_A_CENT)


def _share_of_income(money: Money | Settled, before: Iterable[Settled]) -> Decimal | None:
    same = [each for each in before if each.currency == money.currency]
    income = [each for each in same if each.kind in _INCOME]
    amount = sum((each.amount for each in income), Decimal(0))
    if not amount or any(each.usd is None for each in income):
        return None
    left = sum((each.amount for each in same), Decimal(0)) + money.amount
    worth_left = sum((each.usd or Decimal(0) for each in same), Decimal(0))
    if left == 0:
        return -worth_left
    worth = sum((each.usd or Decimal(0) for each in income), Decimal(0))
    return (worth * money.amount / amount).quantize(_CENT_OF_A_CENT)


def _as_settled(entry: Entry) -> Settled:
    return Settled(kind=entry.kind, ref=entry.ref, amount=entry.amount, currency=entry.currency, usd=entry.usd)


def _mismatch(payment: BookedPayment, finding: Finding, ledger: Iterable[Settled]) -> str | None:
    """Whether the payment differs from the request: in amount, currency or mode."""
    if payment.livemode is not None and payment.livemode != finding.livemode:
        return "mode"
    if any(money.kind == "charge" and money.currency != payment.currency for money in finding.money):
        return "currency"
    price = _price_of_checkout(payment, finding)
    if price is not None and price.currency != payment.price_currency:
        return "currency"
    if price is not None and price.amount != payment.amount:
        return "amount"
    if finding.checkout_status is CheckoutStatus.PAID and finding.due is not None:
        came = sum((each.amount for each in ledger if each.currency == finding.due.currency), Decimal(0))
        return "amount" if came < finding.due.amount else None
    return None


def _price_of_checkout(payment: BookedPayment, finding: Finding) -> Price | None:
    """A checkout asked for the subscription's price. A payment made for an invoice has the price of all its items."""
    return finding.plan_price if payment.checkouts and finding.plan_price is not None else finding.price


def _wanted(payment: BookedPayment, finding: Finding, ledger: Sequence[Settled], mismatch: str | None) -> Status:
    """The status that the payment should have now."""
    if payment.status in SETTLED:
        return standing_of(ledger)
    if finding.checkout_status is CheckoutStatus.PAID:
        return Status.ERROR if mismatch else standing_of(ledger)
    ended = _ENDED.get(finding.checkout_status) if finding.checkout_status is not None else None
    # An abandoned checkout at another provider does not affect the payment's status.
    if ended is None or payment.provider != finding.provider:
        return payment.status
    return ended if payment.status not in {Status.FAILED, Status.EXPIRED, Status.ERROR} else payment.status


def standing_of(ledger: Iterable[Settled]) -> Status:
    """The status of a paid payment follows only from its settlements: each currency or coin counts separately."""
    entries = list(ledger)
    income, refunded, disputed = (_sums(entries, kinds) for kinds in (_INCOME, _REFUNDS, _DISPUTES))
    went_back = any(amount < 0 for amount in refunded.values())
    if went_back and all(amount + refunded.get(currency, 0) <= 0 for currency, amount in income.items()):
        return Status.REFUNDED
    if any(amount < 0 for amount in disputed.values()):
        return Status.DISPUTED
    return Status.PARTIALLY_REFUNDED if went_back else Status.COMPLETED


def _sums(entries: Iterable[Settled], kinds: Collection[str]) -> dict[str, Decimal]:
    """The amounts of these kinds, by currency."""
    found: dict[str, Decimal] = {}
    for each in entries:
        if each.kind in kinds:
            found[each.currency] = found.get(each.currency, Decimal(0)) + each.amount
    return found


def _path(before: Status, after: Status) -> tuple[Status, ...] | None:
    """The shortest allowed way to that status, only through statuses that are true; None if there is none."""
    ways: deque[tuple[Status, ...]] = deque([()])
    seen = {before}
    while ways:
        way = ways.popleft()
        here = way[-1] if way else before
        if here == after:
            return way
        for following in sorted(MOVES[here]):
            if following not in seen and (following == after or following in _ON_THE_WAY):
                seen.add(following)
                ways.append((*way, following))
    return None


def _of_checkout(finding: Finding, mismatch: str | None) -> Status | None:
    if finding.checkout_status is CheckoutStatus.PAID:
        return Status.ERROR if mismatch else Status.COMPLETED
    return _ENDED.get(finding.checkout_status) if finding.checkout_status is not None else None
