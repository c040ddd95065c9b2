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
_BILLING_MODE = {
    "type": frozenset({"classic", "flexible"}),
    "flexible": {"proration_discounts": frozenset({"included", "itemized"})},
}
_TRIAL_SETTINGS = {"end_behavior": {"missing_payment_method": frozenset({"cancel", "create_invoice", "pause"})}}
_PRORATION = frozenset({"always_invoice", "create_prorations", "none"})
_SUBSCRIPTION_DATA = {
    "metadata": METADATA,
    "description": TEXT,
    "billing_mode": _BILLING_MODE,
    "trial_period_days": WHOLE,
    "trial_end": WHOLE,
    "trial_settings": _TRIAL_SETTINGS,
}

SESSION = {
    "mode": frozenset({"payment", "setup", "subscription"}),
    "submit_type": _SUBMIT,
    "line_items": [{"quantity": WHOLE, "price": TEXT, "price_data": _PRICE_DATA}],
    "client_reference_id": TEXT,
    "metadata": METADATA,
    "payment_intent_data": _INTENT_DATA,
    "subscription_data": _SUBSCRIPTION_DATA,
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
PRODUCT_UPDATE = {"name": TEXT, "description": TEXT, "active": YES_NO, "metadata": METADATA, **_EXPAND}
CUSTOMER = {"email": TEXT, "name": TEXT, "metadata": METADATA, **_EXPAND}
NEW_SUBSCRIPTION = {
    "customer": TEXT,
    "items": [
        {
            "price": TEXT,
            "price_data": {"currency": TEXT, "unit_amount": WHOLE, "product": TEXT, "recurring": _RECURRING},
            "quantity": WHOLE,
        }
    ],
    "payment_behavior": frozenset(
        {"allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete"}
    ),
    "payment_settings": {"save_default_payment_method": frozenset({"off", "on_subscription"})},
    "billing_mode": _BILLING_MODE,
    "description": TEXT,
    "metadata": METADATA,
    **_EXPAND,
}
CREDIT_NOTE = {
    "invoice": TEXT,
    "amount": WHOLE,
    "refund_amount": WHOLE,
    "credit_amount": WHOLE,
    "reason": frozenset({"duplicate", "fraudulent", "order_change", "product_unsatisfactory"}),
    **_EXPAND,
}
INVOICE_ITEM = {"customer": TEXT, "amount": WHOLE, "currency": TEXT, "description": TEXT, **_EXPAND}
SUBSCRIPTION_UPDATE = {
    "cancel_at_period_end": YES_NO,
    "cancel_at": WHOLE,
    "items": [{"id": TEXT, "price": TEXT, "quantity": WHOLE, "deleted": YES_NO}],
    "proration_behavior": _PRORATION,
    "proration_date": WHOLE,
    "pause_collection": {"behavior": frozenset({"keep_as_draft", "mark_uncollectible", "void"}), "resumes_at": WHOLE},
    "metadata": METADATA,
    **_EXPAND,
}
SUBSCRIPTION_RESUME = {
    "billing_cycle_anchor": frozenset({"now", "unchanged"}),
    "proration_behavior": _PRORATION,
    **_EXPAND,
}
SUBSCRIPTION_CANCEL = {"invoice_now": YES_NO, "prorate": YES_NO, **_EXPAND}
_PORTAL_FEATURES = {
    "customer_update": {"enabled": YES_NO, "allowed_updates": [TEXT]},
    "invoice_history": {"enabled": YES_NO},
    "payment_method_update": {"enabled": YES_NO},
    "subscription_cancel": {
        "enabled": YES_NO,
        "mode": frozenset({"at_period_end", "immediately"}),
        "proration_behavior": _PRORATION,
        "cancellation_reason": {"enabled": YES_NO, "options": [TEXT]},
    },
    "subscription_update": {
        "enabled": YES_NO,
        "default_allowed_updates": [frozenset({"price", "promotion_code", "quantity"})],
        "products": [{"product": TEXT, "prices": [TEXT]}],
        "proration_behavior": _PRORATION,
        "schedule_at_period_end": {
            "conditions": [{"type": frozenset({"decreasing_item_amount", "shortening_interval"})}]
        },
    },
}
PORTAL_CONFIGURATION = {
    "features": _PORTAL_FEATURES,
    "default_return_url": TEXT,
    "metadata": METADATA,
    "name": TEXT,
    **_EXPAND,
}
PORTAL_CONFIGURATION_UPDATE = {**PORTAL_CONFIGURATION, "active": YES_NO}
PORTAL_SESSION = {"customer": TEXT, "configuration": TEXT, "return_url": TEXT, **_EXPAND}
COUPON = {
    "id": TEXT,
    "name": TEXT,
    "percent_off": TEXT,
    "amount_off": WHOLE,
    "currency": TEXT,
    "duration": frozenset({"forever", "once", "repeating"}),
    "duration_in_months": WHOLE,
    "max_redemptions": WHOLE,
    "redeem_by": WHOLE,
    "metadata": METADATA,
    **_EXPAND,
}
PROMOTION_CODE = {
    "promotion": {"type": frozenset({"coupon"}), "coupon": TEXT},
    "code": TEXT,
    "active": YES_NO,
    "customer": TEXT,
    "expires_at": WHOLE,
    "max_redemptions": WHOLE,
    "metadata": METADATA,
    **_EXPAND,
}
INTENT = {
    "amount": WHOLE,
    "currency": TEXT,
    "customer": TEXT,
    "automatic_payment_methods": {"enabled": YES_NO, "allow_redirects": frozenset({"always", "never"})},
    "capture_method": frozenset({"automatic", "automatic_async"}),
    "description": TEXT,
    "metadata": METADATA,
    "setup_future_usage": frozenset({"off_session", "on_session"}),
    "statement_descriptor_suffix": TEXT,
    **_EXPAND,
}
INTENT_CANCEL = {
    "cancellation_reason": frozenset({"abandoned", "duplicate", "fraudulent", "requested_by_customer"}),
    **_EXPAND,
}
REFUND = {"payment_intent": TEXT, "charge": TEXT, "amount": WHOLE, "reason": TEXT, "metadata": METADATA, **_EXPAND}
PAGE = {"limit": WHOLE, "starting_after": TEXT, "ending_before": TEXT, **_EXPAND}
LISTS: Mapping[str, Mapping[str, Any]] = {
    "sessions": {
        **PAGE,
        "customer": TEXT,
        "payment_intent": TEXT,
        "payment_link": TEXT,
        "status": TEXT,
        "created": _WHEN,
    },
    "products": {**PAGE, "active": YES_NO, "ids": [TEXT]},
    "prices": {**PAGE, "active": YES_NO, "lookup_keys": [TEXT], "product": TEXT},
    "payment_links": {**PAGE, "active": YES_NO},
    "payment_intents": {**PAGE, "customer": TEXT, "created": _WHEN},
    "charges": {**PAGE, "payment_intent": TEXT, "customer": TEXT},
    "disputes": {**PAGE, "payment_intent": TEXT, "charge": TEXT},
    "customers": {**PAGE, "email": TEXT, "created": _WHEN},
    "refunds": {**PAGE, "payment_intent": TEXT, "charge": TEXT},
    "events": {**PAGE, "type": TEXT, "types": [TEXT], "delivery_success": YES_NO, "created": _WHEN},
    "subscriptions": {**PAGE, "customer": TEXT, "status": TEXT, "created": _WHEN},
    "invoices_of_stripe": {**PAGE, "customer": TEXT, "subscription": TEXT, "status": TEXT, "created": _WHEN},
    "invoice_payments": {
        **PAGE,
        "status": TEXT,
        "invoice": TEXT,
        "payment": {"type": TEXT, "payment_intent": TEXT},
    },
    "coupons": PAGE,
    "promotion_codes": {**PAGE, "active": YES_NO, "code": TEXT, "customer": TEXT},
    "portal_configurations": {**PAGE, "active": YES_NO, "is_default": YES_NO},
    "balance_transactions": {**PAGE, "source": TEXT},
}
READ: Mapping[str, Any] = _EXPAND
EXPIRE: Mapping[str, Any] = _EXPAND
