"""A refund, and what of a payment can be refunded. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal
from uuid import UUID

from hingecraft.errors import ConflictError, RejectedError
from hingecraft.money.model import plain
from hingecraft.payments.ledger import SETTLED
from hingecraft.payments.model import Settled, Status

Reason = Literal["requested_by_customer", "duplicate", "fraudulent"]
# Stripe's own name for the refund, beside the names that our other objects have.
REFUND = "hingecraft_refund"
_INTENT = "pi_"


class State(StrEnum):
    """The state of a refund."""

    # Stripe has not answered yet.
    ASKED = "asked"
    # Stripe has it, and the bank does not yet.
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundRequest:
    """A refund as a person asks for it. Without an amount, it is all that is left."""

    payment_id: UUID
    reference: str
    amount: Decimal | None
    reason: Reason
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """One row."""

    id: UUID
    payment_id: UUID
    reference: str
    amount: Decimal
    currency: str
    reason: Reason
    is_rest: bool
    state: State
    request: Mapping[str, Any]
    provider_ref: str | None
    failure: str | None
    created_at: datetime
    # How long ago it was asked for.
    age: timedelta
    # How long ago it was first known that Stripe keeps an error of its own for the key; None: it does not.
    error_kept_for: timedelta | None
    # Whether Stripe has reported it, so that the money is in the books.
    booked: bool
    # Whether it has failed after Stripe had made it, so that the money is back in the books.
    undone: bool

    @property
    def status(self) -> State:
        """Its state as Stripe has reported it last."""
        if self.undone:
            return State.FAILED
        return State.SUCCEEDED if self.booked else self.state

    @property
    def is_open(self) -> bool:
        """Whether its money is on the way, and in no book yet."""
        return self.state is not State.FAILED and not self.booked

    @property
    def key(self) -> str:
        """Under which Stripe makes it once, however often we ask."""
        return f"hc_refund_{self.id}"

    @property
    def second_key(self) -> str:
        """Under which Stripe is asked where it keeps an error of its own for the first key."""
        return f"{self.key}_again"

    def is_asked_by(self, wanted: RefundRequest) -> bool:
        """Whether the same reference asks for the same again."""
        same_amount = self.is_rest if wanted.amount is None else not self.is_rest and self.amount == wanted.amount
        return same_amount and self.reason == wanted.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Refundable:
    """The part of a payment that can be refunded through Stripe now. `why_not` says what to do instead."""

    charge: str | None = None
    currency: str | None = None
    left: Decimal = Decimal(0)
    why_not: str | None = None


class RefundReferenceTakenError(RejectedError):
    """The reference names another refund of this payment."""

    def __init__(self) -> None:
        super().__init__(
            "reference_reused", "This reference was used for another refund of this payment. Use a new one."
        )


def too_much(found: Refundable) -> ConflictError:
    """More was asked for than is left."""
    return ConflictError(
        "refund_too_large", f"Only {plain(found.left)} {found.currency} of this payment is left to refund."
    )


def refundable(
    status: Status, provider: str | None, settled: Iterable[Settled], refunds: Iterable[Refund]
) -> Refundable:
    """The rest of a payment's charge, without refunds that are on their way."""
    rows = list(settled)
    if status is Status.DISPUTED:
        return _not("The payer's bank has taken the money back. Answer the dispute in Stripe's Dashboard instead.")
    if status not in SETTLED:
        return _not("This payment has not been paid, so there is nothing to refund.")
    if provider != "stripe":
        return _not(
            "Coins cannot be refunded here. Ask the payer for an address, send the coins from your own wallet, and "
            "write the transaction into your records."
        )
    charges = [each for each in rows if each.kind == "charge" and each.ref.startswith(_INTENT)]
    names = {each.ref.partition("/")[0] for each in charges}
    if len(names) != 1:
        return _not("Its charge at Stripe is not known here. Refund it in Stripe's Dashboard: it is booked from there.")
    currency = charges[0].currency
    moved = sum((each.amount for each in rows if each.currency == currency and each.kind != "opening"), Decimal(0))
    on_the_way = sum((each.amount for each in refunds if each.is_open), Decimal(0))
    left = moved - on_the_way
    if left <= 0:
        return _not("All of this payment has been refunded, or is on its way back.")
    return Refundable(charge=names.pop(), currency=currency, left=left)


def _not(why: str) -> Refundable:
    return Refundable(why_not=why)
