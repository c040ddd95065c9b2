"""Sessions that sell one of the account's prices to a customer, and the prices. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

# Stripe takes 24 h at most and 30 min at least, counted by its own clock. The rest is room for a pod whose clock is
# ahead; and a call that is repeated with the same time after 22 h (REPLAYED_FOR) still finds it an hour away.
SESSION_LIFE = timedelta(hours=23)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """One price, once, for a customer. `metadata` includes our own names, which identify the payment."""

    price_id: str
    # A recurring price starts a subscription.
    recurring: bool
    customer_id: str
    reference: str
    metadata: Mapping[str, str]
    success_url: str
    cancel_url: str
    opened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """An amount for each period, in Stripe's units, for a customer who pays on our own page."""

    amount: int
    currency: str
    # Stripe's id of the product.
    product_id: str
    interval: str
    interval_count: int
    customer_id: str
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class PricePlan:
    """A price as it should be at Stripe, found again by its lookup key. `amount` is in Stripe's units."""

    lookup_key: str
    name: str
    currency: str
    amount: int
    # How often it is charged, such as `month`; None: once.
    interval: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    def is_met_by(self, price: Mapping[str, Any]) -> bool:
        """Whether Stripe's price, with its product, can be sold on these terms: nobody can change them afterwards."""
        recurring = price.get("recurring") or {}
        same = (price["currency"], price.get("unit_amount")) == (self.currency.lower(), self.amount)
        return same and recurring.get("interval") == self.interval and price["active"] and price["product"]["active"]


def session_request(sale: Sale) -> dict[str, Any]:
    """A Checkout Session for one payer. Without `payment_method_types` the account's own methods are offered."""
    metadata = dict(sale.metadata)
    request: dict[str, Any] = {
        "mode": "subscription" if sale.recurring else "payment",
        "line_items": [{"price": sale.price_id, "quantity": 1}],
        "customer": sale.customer_id,
        "client_reference_id": sale.reference,
        "metadata": metadata,
        "allow_promotion_codes": True,
        "billing_address_collection": "auto",
        "success_url": sale.success_url,
        "cancel_url": sale.cancel_url,
        "expires_at": int((sale.opened_at + SESSION_LIFE).timestamp()),
    }
    if sale.recurring:
        # A proration's amount is before discounts only where discounts are items of their own.
        billing = {"type": "flexible", "flexible": {"proration_discounts": "itemized"}}
        request["subscription_data"] = {"metadata": metadata, "billing_mode": billing}
    else:
        request["payment_intent_data"] = {"metadata": metadata, "capture_method": "automatic"}
    return request


def subscription_request(sale: Subscription) -> dict[str, Any]:
    """A subscription that waits for its first payment. Without a saved method no renewal could be charged."""
    price = {
        "currency": sale.currency.lower(),
        "unit_amount": sale.amount,
        "product": sale.product_id,
        "recurring": {"interval": sale.interval, "interval_count": sale.interval_count},
    }
    return {
        "customer": sale.customer_id,
        "items": [{"price_data": price}],
        "payment_behavior": "default_incomplete",
        "payment_settings": {"save_default_payment_method": "on_subscription"},
        "billing_mode": {"type": "flexible", "flexible": {"proration_discounts": "itemized"}},
        "expand": ["latest_invoice.confirmation_secret"],
        "metadata": dict(sale.metadata),
    }


def price_request(plan: PricePlan) -> dict[str, Any]:
    """A price with a product of its own."""
    recurring = {"recurring": {"interval": plan.interval}} if plan.interval else {}
    return {
        "currency": plan.currency.lower(),
        "unit_amount": plan.amount,
        "lookup_key": plan.lookup_key,
        "transfer_lookup_key": True,
        "product_data": {"name": plan.name},
        "metadata": dict(plan.metadata),
        **recurring,
    }
