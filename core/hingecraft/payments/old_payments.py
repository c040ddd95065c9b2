"""What a provider says went back of a payment that only the old software was paid: its charge is its opening. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from hingecraft.errors import NotYetError
from hingecraft.money.model import plain
from hingecraft.payments.model import Settled
from hingecraft.providers.findings import Finding, Money, MoneyKind

_REVERSALS: Mapping[str, MoneyKind] = {"refund": "refund_reversal", "dispute": "dispute_reversal"}


def as_its_own(money: Money, opening: Settled, finding: Finding, before: Sequence[Settled]) -> Money | None:
    """What is booked; None for what is in the opening already, and where nothing is left that could go back.

    Where the old software has another currency than the provider, the same share of the opening goes back.
    """
    if money.kind == "charge":
        return None
    if money.currency == opening.currency:
        return money
    left = sum((each.amount for each in before if each.currency == opening.currency), Decimal(0))
    if left <= 0:
        return None
    charge = next((each for each in finding.money if each.kind == "charge" and each.currency == money.currency), None)
    if charge is None or not charge.amount or money.amount > 0:
        raise NotYetError(
            f"{plain(-money.amount)} {money.currency} went back, but the old software was paid in {opening.currency}: "
            "set the payment to refunded there"
        )
    amount = max(opening.amount * money.amount / charge.amount, -left)
    return replace(money, amount=amount, currency=opening.currency, worth=None)


def replaced(money: Money, payment_id: UUID, before: Iterable[Settled]) -> Money | None:
    """What undoes what the old software had said of the same, which `hc_follow_old_payments` has booked."""
    if money.kind not in _REVERSALS:
        return None
    reversal = _REVERSALS[money.kind]
    said = [
        each
        for each in before
        if each.kind in {money.kind, reversal} and each.currency == money.currency
        and each.ref.partition("/")[0] == str(payment_id)
    ]  # fmt: skip
    left = -sum((each.amount for each in said), Decimal(0))
    if left <= 0:
        return None
    # A refund may be a part of it. A dispute is the one that was meant.
    amount = left if money.kind == "dispute" else min(left, -money.amount)
    number = sum(each.kind == reversal for each in said) + 1
    ref = f"{payment_id}/{number}" if number > 1 else str(payment_id)
    return Money(kind=reversal, ref=ref, amount=amount, currency=money.currency)
