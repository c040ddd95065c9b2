"""Refunds and disputes of payments that only the old software received: the opening is their charge. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from hingecraft.errors import AskFirstError, NotYetError
from hingecraft.money.model import plain
from hingecraft.payments.model import Settled
from hingecraft.providers.findings import Finding, Money, MoneyKind

_DUST = Decimal("0.00000001")
_REVERSALS: Mapping[str, MoneyKind] = {"refund": "refund_reversal", "dispute": "dispute_reversal"}


def as_its_own(money: Money, opening: Settled, finding: Finding, before: Sequence[Settled]) -> Money | None:
    """The settlement to book; None if the opening includes it already, or if nothing is left to go back.

    If the old software has another currency than the provider, the same share of the opening goes back.
    """
    if money.kind == "charge":
        return None
    if money.amount > 0 and money.currency == opening.currency:
        return money
    left = _left(money, opening, before)
    if left <= 0 or finding.part == 0:
        return None
    if money.currency == opening.currency and finding.part is None:
        return replace(money, amount=max(money.amount, -left))
    amount = (opening.amount * _share(money, opening, finding)).quantize(_DUST)
    # Shares are rounded: the last of several takes the rest.
    return replace(money, amount=max(amount, -left) if left + amount > _DUST else -left, currency=opening.currency,
                   worth=None)  # fmt: skip


def _left(money: Money, opening: Settled, before: Iterable[Settled]) -> Decimal:
    """What could go back, beside what the old software has said of the same, which this replaces."""
    same = {money.ref, opening.ref}
    return sum(
        (
            each.amount
            for each in before
            if each.currency == opening.currency
            and not (each.kind.startswith(money.kind) and each.ref.partition("/")[0] in same)
        ),
        Decimal(0),
    )


def _share(money: Money, opening: Settled, finding: Finding) -> Decimal:
    """The part of the opening that goes back, below zero."""
    charge = next((each for each in finding.money if each.kind == "charge"), finding.came)
    if charge is None and not finding.fresh:
        raise AskFirstError("what came has to be known")
    if charge is None or not charge.amount or charge.currency != money.currency or money.amount > 0:
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
    said = [
        each
        for each in before
        if each.kind in {money.kind, reversal} and each.currency == money.currency
        and each.ref.partition("/")[0] == str(payment_id)
    ]  # fmt: skip
    left = -sum((each.amount for each in said), Decimal(0))
    if left <= 0:
        return None
    # A refund may be only a part of it. A dispute is always the same one.
    amount = left if money.kind == "dispute" else min(left, -money.amount)
    number = sum(each.kind == reversal for each in said) + 1
    ref = f"{payment_id}/{number}" if number > 1 else str(payment_id)
    return Money(kind=reversal, ref=ref, amount=amount, currency=money.currency)
