"""A user's customer at Stripe. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """One row of `customers`. Without `customer_id` Stripe has not answered, and the same request is sent again."""

    user_id: UUID
    livemode: bool
    number: int
    customer_id: str | None
    idempotency_key: str
    request: Mapping[str, Any] | None
    created_at: datetime
    age: timedelta


def customer_metadata(user_id: UUID, installation: UUID) -> dict[str, str]:
    """Finds the customer of a creation that was never answered, when Stripe may have forgotten its key."""
    return {"userId": str(user_id), "installation": str(installation)}


def customer_request(user_id: UUID, installation: UUID, email: str | None) -> dict[str, Any]:
    """The exact parameters, to be kept before the call."""
    address = {"email": email} if email is not None else {}
    return {"metadata": customer_metadata(user_id, installation), **address}


def customer_key(user_id: UUID, installation: UUID) -> str:
    """Our idempotency key for the first customer; a later one has its number behind it."""
    return f"hc_customer_{installation}_{user_id}"
