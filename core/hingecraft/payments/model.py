"""A payment, the allowed changes of its status, and what callers may see of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from hingecraft.errors import ConflictError, MissingError, RejectedError

# Stripe may forget a key after a day; a replay later than this could charge twice.
REPLAYED_FOR = timedelta(hours=22)


class Status(StrEnum):
    """The status of a payment."""

    CREATING = "creating"
    PENDING = "pending"
    AWAITING_CONFIRMATION = "awaiting_confirmation"
    COMPLETED = "completed"
    FAILED = "failed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    ERROR = "error"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"


_S = Status
# The database holds the same table (`hc_may_move`), and a test compares the two.
MOVES: Mapping[Status, frozenset[Status]] = {
    _S.CREATING: frozenset({_S.PENDING, _S.AWAITING_CONFIRMATION, _S.COMPLETED, _S.FAILED, _S.EXPIRED, _S.UNKNOWN}),
    _S.UNKNOWN: frozenset({_S.PENDING, _S.COMPLETED, _S.FAILED, _S.EXPIRED, _S.ERROR}),
    _S.PENDING: frozenset({_S.COMPLETED, _S.FAILED, _S.EXPIRED, _S.ERROR}),
    _S.AWAITING_CONFIRMATION: frozenset({_S.COMPLETED, _S.EXPIRED}),
    _S.FAILED: frozenset({_S.COMPLETED}),
    _S.EXPIRED: frozenset({_S.COMPLETED}),
    _S.ERROR: frozenset({_S.COMPLETED}),
    _S.COMPLETED: frozenset({_S.PARTIALLY_REFUNDED, _S.REFUNDED, _S.DISPUTED}),
    _S.PARTIALLY_REFUNDED: frozenset({_S.REFUNDED, _S.DISPUTED, _S.COMPLETED}),
    _S.REFUNDED: frozenset({_S.COMPLETED, _S.PARTIALLY_REFUNDED}),
    _S.DISPUTED: frozenset({_S.COMPLETED, _S.PARTIALLY_REFUNDED, _S.REFUNDED}),
}


def require_move(before: Status, after: Status) -> None:
    """Raise an error for a move that the table does not allow; staying in the same status is always allowed."""
    if before != after and after not in MOVES[before]:
        raise ConflictError("illegal_move", f"A payment with status {before} cannot change to {after}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A booked settlement."""

    kind: str
    ref: str
    amount: Decimal
    currency: str
    usd: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeFor:
    """The invoice or session that a payment is made for, which becomes its checkout."""

    provider_id: str
    kind: str
    status: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentState:
    """A payment as anyone who knows its id may see it."""

    # Ours, or Stripe's session where nothing has been paid through a standing link yet.
    id: UUID | str
    status: Status
    provider: str | None
    amount: Decimal | None
    price_currency: str | None
    currency: str | None
    updated_at: datetime
    # The amount received, before refunds and disputes.
    paid_amount: Decimal | None = None
    paid_currency: str | None = None


class ProviderFailedError(RejectedError):
    """The provider rejected the checkout, or is down."""


class AnotherCurrencyError(ConflictError):
    """The provider takes one currency for a payer's subscriptions."""

    def __init__(self) -> None:
        super().__init__(
            "another_currency",
            "You have a subscription in another currency, and you can have subscriptions in one currency only: cancel "
            "that one and wait until it has ended, or choose a product in its currency.",
        )


class ProviderDisabledError(RejectedError):
    """The provider is disabled, or has no keys."""


def unknown_payment() -> MissingError:
    """No payment that the caller may see has the id."""
    return MissingError(
        "unknown_payment",
        "No payment has this id. Check that it is complete, and that it is the payment's own id, not the provider's.",
    )


def unknown_settlement() -> MissingError:
    """No settlement has the id."""
    return MissingError(
        "unknown_settlement", "No settlement has this id. GET /admin/payments/{id} lists a payment's settlements."
    )
