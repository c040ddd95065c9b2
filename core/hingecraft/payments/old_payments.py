"""Refunds and disputes of payments that only the old software received: the opening is their charge. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from hingecraft.errors import AskFirstError, NotYetError
from hingecraft.money.model import plain
from hingecraft.payments.model import Settled
from hingecraft.providers.findings import Finding, Money, MoneyKind, Price

# Between a dispute's reference and that of the refund that took over a part of it.
_FOR = ":"
_DUST = Decimal("0.00000001")
_REVERSALS: Mapping[str, MoneyKind] = {"refund": "refund_reversal", "dispute": "dispute_reversal"}
_UNDOES: Mapping[str, str] = {reversal: kind for kind, reversal in _REVERSALS.items()}


def as_its_own(money: Money, opening: Settled, finding: Finding, before: Sequence[Settled]) -> Money | None:
    """The settlement to book; None if the opening includes it already, or if nothing is left to go back.

    If the old software has another currency than the provider, the same share of the opening goes back.
    """
    if money.kind == "charge":
        return None
    if money.kind in _UNDOES:
        return _given_back(money, opening, finding, before)
    left = _left(money, opening, before)
    if money.kind == "refund":
        left += sum(_held_by_disputes(opening, before).values(), Decimal(0))
    if left <= 0 or finding.part == 0 or _is_over(money, finding, before):
        return None
    if money.currency == opening.currency and finding.part is None:
        return _part_of(money, max(money.amount, -left))
    amount = (opening.amount * _share(money, opening, finding)).quantize(_DUST)
    # Shares are rounded: the last of several takes the rest.
    return replace(money, amount=max(amount, -left) if left + amount > _DUST else -left, currency=opening.currency,
                   worth=None)  # fmt: skip


def made_room(money: Money, opening: Settled, before: Sequence[Settled]) -> list[Money]:
    """The part of a refund that disputes hold: it is the refund's, however the disputes end.

    So the sum is the same whether the refund or the dispute is reported first.
    """
    if money.kind != "refund":
        return []
    found = []
    short = -money.amount - _left(money, opening, before)
    for ref, held in _held_by_disputes(opening, before).items():
        amount = min(short, held)
        if amount <= 0:
            continue
        own = _next_reversal("dispute", ref, before) if ref == opening.ref else f"{ref}{_FOR}{money.ref}"
        found.append(Money(kind="dispute_reversal", ref=own, amount=amount, currency=opening.currency))
        short -= amount
    return found


def room_given_back(money: Money, before: Sequence[Settled]) -> list[Money]:
    """The amounts that open disputes hold again when a refund fails that had taken them over."""
    if money.kind != "refund_reversal":
        return []
    reversed_disputes = {_reference(each) for each in before if each.kind == "dispute_reversal"}
    return [
        Money(kind="dispute", ref=each.ref, amount=-each.amount, currency=each.currency)
        for each in before
        if each.kind == "dispute_reversal"
        and each.ref.endswith(f"{_FOR}{money.ref}")
        and reference(each.ref) not in reversed_disputes
    ]


def left_to_refunds(money: Money, before: Iterable[Settled]) -> Decimal:
    """The amount of a dispute that refunds have taken over."""
    return sum((each.amount for each in before if money.kind == "dispute" and _is_left_by(each, money.ref)), Decimal(0))


def _held_by_disputes(opening: Settled, before: Iterable[Settled]) -> dict[str, Decimal]:
    """The amounts that disputes hold, by the provider's reference."""
    held: dict[str, Decimal] = {}
    for each in before:
        if each.kind.startswith("dispute") and each.currency == opening.currency:
            held[reference(each.ref)] = held.get(reference(each.ref), Decimal(0)) - each.amount
    return held


def _is_left_by(settled: Settled, dispute: str) -> bool:
    return settled.kind.startswith("dispute") and settled.ref.startswith(f"{dispute}{_FOR}")


def _left(money: Money, opening: Settled, before: Iterable[Settled]) -> Decimal:
    """The amount that can go back; this replaces the old software's own report."""
    same = {money.ref, opening.ref}
    return sum(
        (
            each.amount
            for each in before
            if each.currency == opening.currency
            and not (each.kind.startswith(money.kind) and reference(each.ref) in same)
        ),
        Decimal(0),
    )


def _given_back(money: Money, opening: Settled, finding: Finding, before: Iterable[Settled]) -> Money | None:
    """The total that a failed refund or a won dispute brings back: never more than was booked under its reference.

    Raises AskFirstError or NotYetError if its refund or dispute is neither booked nor in the finding.
    """
    kind = _UNDOES[money.kind]
    same = [
        each
        for each in before
        if each.currency == opening.currency
        and ((each.kind == kind and _reference(each) == money.ref) or _is_left_by(each, money.ref))
    ]
    taken = -sum((each.amount for each in same), Decimal(0))
    said = next((-each.amount for each in finding.money if each.kind == kind and each.ref == money.ref), None)
    if taken <= 0 and said is None:
        raise (NotYetError if finding.fresh else AskFirstError)(f"the {kind} that it undoes is not known yet")
    whole = said if said is not None else max(money.amount, taken)
    if taken <= 0 or whole <= 0:
        return None
    if money.currency == opening.currency:
        # What was not taken, because nothing was left, does not come back.
        amount = min(taken, money.amount - max(whole - taken, Decimal(0)))
        worth = _part_of(money, amount).worth
    else:
        amount, worth = taken * min(Decimal(1), money.amount / whole), None
        amount = amount.quantize(_DUST) if amount < taken else taken
    if amount <= 0:
        return None
    usd = [each.usd for each in same if each.usd is not None]
    if worth is None and len(usd) == len(same):
        value = -sum(usd, Decimal(0))
        value = value if amount == taken else (value * amount / taken).quantize(_DUST)
        worth = Price(amount=value, currency="USD")
    return replace(money, amount=amount, currency=opening.currency, worth=worth)


def _is_over(money: Money, finding: Finding, before: Iterable[Settled]) -> bool:
    """Whether the money came back before: by this report all of it, or the report is older than its reversal."""
    reversal = _REVERSALS.get(money.kind)
    if not any(each.kind == reversal and _reference(each) == money.ref for each in before):
        return False
    given = next((each.amount for each in finding.money if each.kind == reversal and each.ref == money.ref), None)
    return given is None or given >= -money.amount


def _part_of(money: Money, amount: Decimal) -> Money:
    """A part of the money, with the same part of the provider's value."""
    worth = money.worth
    if worth is not None and amount != money.amount:
        worth = replace(worth, amount=worth.amount * amount / money.amount)
    return replace(money, amount=amount, worth=worth)


def _reference(settled: Settled) -> str:
    """The provider's reference, without the number of a later settlement."""
    return settled.ref.partition("/")[0]


def reference(ref: str) -> str:
    """The provider's reference, also of what a dispute has left to a refund."""
    return ref.partition("/")[0].partition(_FOR)[0]


def _next_reversal(kind: str, ref: str, before: Iterable[Settled]) -> str:
    """The reference of the next reversal of what the old software has reported."""
    number = sum(each.kind == _REVERSALS[kind] and _reference(each) == ref for each in before) + 1
    return f"{ref}/{number}" if number > 1 else ref


def _share(money: Money, opening: Settled, finding: Finding) -> Decimal:
    """The part of the opening that goes back, below zero."""
    charge = next((each for each in finding.money if each.kind == "charge"), finding.came)
    if charge is None and not finding.fresh:
        raise AskFirstError("what came has to be known")
    if charge is None or not charge.amount or charge.currency != money.currency:
        raise NotYetError(
            f"{plain(-money.amount)} {money.currency} went back, but the old software was paid in {opening.currency}: "
            "set the payment to refunded there"
        )
    return money.amount / charge.amount * (finding.part if finding.part is not None else 1)


def replaced(money: Money, payment_id: UUID, before: Iterable[Settled]) -> Money | None:
    """The reversal of the old software's own report, which `hc_follow_old_payments` has booked."""
    if money.kind not in _REVERSALS:
        return None
    reversal = _REVERSALS[money.kind]
    left = -sum(
        (
            each.amount
            for each in before
            if each.kind in {money.kind, reversal}
            and each.currency == money.currency
            and _reference(each) == str(payment_id)
        ),
        Decimal(0),
    )
    if left <= 0:
        return None
    # A refund may be only a part of it. A dispute is always the same one.
    amount = left if money.kind == "dispute" else min(left, -money.amount)
    return Money(
        kind=reversal, ref=_next_reversal(money.kind, str(payment_id), before), amount=amount, currency=money.currency
    )
