"""Payments of products and purchases. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from hingecraft.errors import ConflictError, MissingError
from hingecraft.payments.model import Status
from hingecraft.periods import Period

# The value of `payments.purpose`, and of `payments.source`.
PURPOSE = "purchase"
# Before the product's id, in the id of Stripe's product.
PRODUCT_PREFIX = "hc_"

PurchaseStatus = Literal["active", "expired", "refunded", "disputed", "cancelled"]

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
        super().__init__("unknown_payment", "None of your payments has this id. Check that the id is complete.")


class NotASubscriptionError(ConflictError):
    """The purchase was paid once, so there is nothing to cancel."""

    def __init__(self) -> None:
        super().__init__("not_a_subscription", "This purchase was paid once. Only a subscription can be cancelled.")


class UnknownPurchaseError(MissingError):
    """No purchase has the id."""

    def __init__(self) -> None:
        super().__init__("unknown_purchase", "None of your purchases has this id. GET /api/v1/purchases lists them.")


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
    # How often a subscription is charged.
    period: Period | None = None
    # Whether it is not renewed; None: it is paid once.
    cancels: bool | None = None
