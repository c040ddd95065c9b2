"""A donor's request, and the answer to it. Pure."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal

from hingecraft.errors import RejectedError
from hingecraft.idempotency.model import Claim
from hingecraft.money.model import Currency
from hingecraft.providers.patience import Deadline
from hingecraft.providers.wallet import Wallet

Kind = Literal["checkout", "standing", "wallet"]
# The source of a gift by one click.
MICRO = "mission_support_micro"


@dataclass(frozen=True, slots=True, kw_only=True)
class GiftRequest:
    """A requested payment; amount and currencies are checked already."""

    amount: Decimal
    currency: Currency
    price_currency: Currency
    source: str
    # The page that the payer returns to, without a query.
    back: str
    request_id: str
    deadline: Deadline
    intent_id: str | None = None
    email: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    claim: Claim | None = None
    requested_currency: str | None = None
    # The text is not a currency: it could be anything, so it is not stored.
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
class Prefill:
    """An amount on its way from Mission Support to Charter."""

    id: str
    amount: Decimal
    source: str
    expires_at: datetime


def prefill_id(now: datetime) -> str:
    """A new id, which sorts by time and cannot be guessed."""
    return f"prefill_{int(now.timestamp() * 1000)}_{secrets.token_hex(16)}"


class GoneError(RejectedError):
    """It existed earlier."""
