"""The parameters of each Stripe endpoint that this product uses; others are rejected as unknown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hingecraft_sandbox.providers.stripe.forms import METADATA, TEXT, WHOLE, YES_NO

_RECURRING = {"interval": frozenset({"day", "week", "month", "year"}), "interval_count": WHOLE}
_PRODUCT_DATA = {"name": TEXT, "description": TEXT, "metadata": METADATA, "images": [TEXT]}
_PRICE_DATA = {
    "currency": TEXT,
    "unit_amount": WHOLE,
    "product": TEXT,
    "product_data": _PRODUCT_DATA,
    "recurring": _RECURRING,
}
_INTENT_DATA = {
    "metadata": METADATA,
    "description": TEXT,
    "receipt_email": TEXT,
    "statement_descriptor_suffix": TEXT,
    "capture_method": frozenset({"automatic", "automatic_async", "manual"}),
}
_SUBMIT = frozenset({"auto", "book", "donate", "pay", "subscribe"})
_EXPAND = {"expand": [TEXT]}
_WHEN = {"gte": WHOLE, "gt": WHOLE, "lte": WHOLE, "lt": WHOLE}

SESSION = {
    "mode": frozenset({"payment", "setup", "subscription"}),
    "submit_type": _SUBMIT,
    "line_items": [{"quantity": WHOLE, "price": TEXT, "price_data": _PRICE_DATA}],
    "client_reference_id": TEXT,
    "metadata": METADATA,
    "payment_intent_data": _INTENT_DATA,
    "subscription_data": {
        "metadata": METADATA,
        "description": TEXT,
        "billing_mode": {
            "type": frozenset({"classic", "flexible"}),
            "flexible": {"proration_discounts": frozenset({"included", "itemized"})},
        },
    },
    "success_url": TEXT,
    "cancel_url": TEXT,
    "expires_at": WHOLE,
    "customer": TEXT,
    "customer_email": TEXT,
    "allow_promotion_codes": YES_NO,
    "billing_address_collection": frozenset({"auto", "required"}),
    **_EXPAND,
}
PRODUCT = {"id": TEXT, "name": TEXT, "description": TEXT, "active": YES_NO, "metadata": METADATA, **_EXPAND}
PRICE = {
    "product": TEXT,
    "product_data": _PRODUCT_DATA,
    "currency": TEXT,
    "unit_amount": WHOLE,
    "recurring": _RECURRING,
    "custom_unit_amount": {"enabled": YES_NO, "minimum": WHOLE, "maximum": WHOLE, "preset": WHOLE},
    "lookup_key": TEXT,
    "transfer_lookup_key": YES_NO,
    "nickname": TEXT,
    "active": YES_NO,
    "metadata": METADATA,
    **_EXPAND,
}
PRICE_UPDATE = {"active": YES_NO, "lookup_key": TEXT, "transfer_lookup_key": YES_NO, "metadata": METADATA, **_EXPAND}
LINK = {
    "line_items": [{"price": TEXT, "quantity": WHOLE}],
    "metadata": METADATA,
    "payment_intent_data": _INTENT_DATA,
    "submit_type": _SUBMIT,
    "after_completion": {"type": frozenset({"redirect", "hosted_confirmation"}), "redirect": {"url": TEXT}},
    "active": YES_NO,
    **_EXPAND,
}
LINK_UPDATE = {
    "active": YES_NO,
    "metadata": METADATA,
    "after_completion": LINK["after_completion"],
    "payment_intent_data": {"metadata": METADATA},
    **_EXPAND,
}
PRODUCT_UPDATE = {"active": YES_NO, "metadata": METADATA, **_EXPAND}
CUSTOMER = {"email": TEXT, "name": TEXT, "metadata": METADATA, **_EXPAND}
SUBSCRIPTION_UPDATE = {"cancel_at_period_end": YES_NO, "metadata": METADATA, **_EXPAND}
REFUND = {"payment_intent": TEXT, "charge": TEXT, "amount": WHOLE, "reason": TEXT, "metadata": METADATA, **_EXPAND}
_PAGE = {"limit": WHOLE, "starting_after": TEXT, "ending_before": TEXT, **_EXPAND}
LISTS: Mapping[str, Mapping[str, Any]] = {
    "sessions": {**_PAGE, "payment_intent": TEXT, "payment_link": TEXT, "status": TEXT, "created": _WHEN},
    "products": {**_PAGE, "active": YES_NO},
    "prices": {**_PAGE, "active": YES_NO, "lookup_keys": [TEXT], "product": TEXT},
    "payment_links": {**_PAGE, "active": YES_NO},
    "payment_intents": _PAGE,
    "charges": {**_PAGE, "payment_intent": TEXT, "customer": TEXT},
    "disputes": {**_PAGE, "payment_intent": TEXT, "charge": TEXT},
    "customers": {**_PAGE, "email": TEXT},
    "refunds": {**_PAGE, "payment_intent": TEXT, "charge": TEXT},
    "events": {**_PAGE, "type": TEXT, "types": [TEXT], "delivery_success": YES_NO, "created": _WHEN},
    "subscriptions": {**_PAGE, "customer": TEXT, "status": TEXT},
    "invoices_of_stripe": {**_PAGE, "customer": TEXT, "subscription": TEXT, "status": TEXT},
    "invoice_payments": {**_PAGE, "invoice": TEXT, "payment": {"type": TEXT, "payment_intent": TEXT}},
    "balance_transactions": {**_PAGE, "source": TEXT},
}
READ: Mapping[str, Any] = _EXPAND
EXPIRE: Mapping[str, Any] = _EXPAND
