"""Products and purchases, and the access that follows from them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from hingecraft.errors import ConflictError, MissingError
from hingecraft.payments.model import Status

# The value of `payments.purpose`, and of `payments.source`.
PURPOSE = "purchase"
# Before the product's id, in the id of Stripe's product.
PRODUCT_PREFIX = "hc_"

Because = Literal["refunded", "disputed"]
PurchaseStatus = Literal["active", "expired", "refunded", "disputed", "cancelled"]
Reason = Literal["owned", "subscribed", "not_bought", "expired", "refunded", "disputed"]

# The statuses in which a payment may still be paid.
OPEN = frozenset({Status.CREATING, Status.UNKNOWN, Status.PENDING})


class InactiveProductError(ConflictError):
    """The product is no longer sold."""

    def __init__(self) -> None:
        super().__init__("product_inactive", "This product is no longer sold.")


class AlreadyOwnedError(ConflictError):
    """The user has access to the product, or has just paid for it."""

    def __init__(self, sentence: str = "You already have this product.") -> None:
        super().__init__("already_owned", sentence)


class NotPendingError(ConflictError):
    """The payment has ended, or has just been paid."""

    def __init__(self) -> None:
        super().__init__("not_pending", "This payment was paid or has ended, so it cannot be cancelled.")


class UnknownMemberPaymentError(MissingError):
    """No payment of a product has the id."""

    def __init__(self) -> None:
        super().__init__("unknown_payment", "There is no payment with this id.")


class NotASubscriptionError(ConflictError):
    """It was paid once, so there is nothing to cancel."""

    def __init__(self) -> None:
        super().__init__("not_a_subscription", "This purchase was paid once. Only a subscription can be cancelled.")


class UnknownPurchaseError(MissingError):
    """No purchase has the id."""

    def __init__(self) -> None:
        super().__init__("unknown_purchase", "There is no purchase with this id.")


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberPayment:
    """A payment of a product, as its owner sees it."""

    id: UUID
    user_id: UUID
    status: Status
    product_id: UUID
    product_type: str
    amount: Decimal
    currency: str
    purchase_id: UUID | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Purchase:
    """A purchase, as its owner sees it. `downloads_used` counts those of the period that runs."""

    id: UUID
    user_id: UUID
    product_id: UUID
    product_type: str
    product_name: str
    amount: Decimal
    currency: str
    status: PurchaseStatus
    starts_at: datetime
    ends_at: datetime | None
    created_at: datetime
    downloads_used: int
    download_limit: int | None
    subscription_id: str | None = None
    # None: it is paid once.
    cancels: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    """Access to a product from one time to another, unless it was revoked."""

    product_id: UUID
    product_type: str
    starts_at: datetime
    ends_at: datetime | None
    revoked_because: Because | None

    def holds(self, moment: datetime) -> bool:
        """Whether it gives access at that time."""
        return self.revoked_because is None and (self.ends_at is None or moment < self.ends_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Whether a user may use a product, and why."""

    allowed: bool
    reason: Reason
    ends_at: datetime | None = None


def access_of(
    product_id: UUID, product_type: str, entitlements: Sequence[Entitlement], moment: datetime, *, active: bool
) -> Access:
    """A product's own entitlements count first; a running subscription gives access to every design on sale.

    Without access the newest of its own entitlements says why.
    """
    own = [each for each in entitlements if each.product_id == product_id]
    held = _longest([each for each in own if each.holds(moment)])
    if held is not None:
        subscribed = product_type == "subscription"
        return Access(allowed=True, reason="subscribed" if subscribed else "owned", ends_at=held.ends_at)
    if product_type == "design" and active:
        subscriptions = [each for each in entitlements if each.product_type == "subscription" and each.holds(moment)]
        held = _longest(subscriptions)
        if held is not None:
            return Access(allowed=True, reason="subscribed", ends_at=held.ends_at)
    newest = max(own, key=lambda each: each.starts_at, default=None)
    if newest is None:
        return Access(allowed=False, reason="not_bought")
    return Access(allowed=False, reason=newest.revoked_because or "expired", ends_at=newest.ends_at)


def _longest(entitlements: Sequence[Entitlement]) -> Entitlement | None:
    """The one that ends last; one without an end never does."""
    for each in entitlements:
        if each.ends_at is None:
            return each
    return max(entitlements, key=lambda each: each.ends_at or each.starts_at, default=None)
