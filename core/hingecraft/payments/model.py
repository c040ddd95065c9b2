"""A payment, the way it may move, and what a caller is told about it. Pure."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Literal
from uuid import UUID

from hingecraft.errors import ConflictError, RefusedError
from hingecraft.money.model import Currency
from hingecraft.providers.patience import Deadline
from hingecraft.providers.wallet import Wallet

Kind = Literal["checkout", "standing", "wallet"]


class Status(StrEnum):
    """Where a payment stands."""

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
    """Refuse a move that the table does not know; a repeat is no move, and always fine."""
    if before != after and after not in MOVES[before]:
        raise ConflictError("illegal_move", f"A payment that is {before} cannot become {after}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to answer for an idempotency key until somebody else may take over."""

    scope: str
    key: str
    until: datetime
    # What an earlier holder began: the id of a payment or a prefill.
    resource: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A payment that somebody wants to make; amount and currencies are checked already."""

    amount: Decimal
    currency: Currency
    price_currency: Currency
    source: str
    # The page that the payer comes back to, without a query.
    back: str
    request_id: str
    deadline: Deadline
    intent_id: str | None = None
    email: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    claim: Claim | None = None
    requested_currency: str | None = None
    # What was typed names no currency: it could be anything, so it is not written down.
    currency_defaulted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """Where to send the donor."""

    kind: Kind
    provider: str
    url: str
    payment_id: str | None
    provider_id: str | None = None
    expires_at: datetime | None = None
    wallet: Wallet | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentState:
    """What anybody who knows its id may see of a payment."""

    # Ours, or Stripe's session where nothing has been paid through a standing link yet.
    id: UUID | str
    status: Status
    provider: str | None
    amount: Decimal | None
    price_currency: str | None
    currency: str | None
    updated_at: datetime
    # What has come, before anything went back.
    paid_amount: Decimal | None = None
    paid_currency: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefill:
    """An amount on its way from Mission Support to Charter."""

    id: str
    amount: Decimal
    source: str
    expires_at: datetime


def prefill_id(now: datetime) -> str:
    """Sorts by time for people who look, and cannot be guessed."""
    return f"prefill_{int(now.timestamp() * 1000)}_{secrets.token_hex(16)}"


class GoneError(RefusedError):
    """It was there, once."""


class KeyReusedError(RefusedError):
    """An idempotency key came with another body than before."""


class InFlightError(RefusedError):
    """A request with the same key is still under way."""


class ProviderFailedError(RefusedError):
    """The provider refused, or is down."""


class ProviderDisabledError(RefusedError):
    """The provider is switched off, or has no keys."""
