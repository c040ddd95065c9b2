"""PaymentIntents in the shape of API version 2026-10-28.endive."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from hingecraft_sandbox.providers.book import Document, new_id, now
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError

KIND = "payment_intents"
# The fields that Stripe shows to a caller with only the publishable key and the client secret.
_SHOWN_TO_BROWSERS = (
    "id", "object", "amount", "amount_details", "automatic_payment_methods", "canceled_at", "cancellation_reason",
    "capture_method", "client_secret", "confirmation_method", "created", "currency", "description",
    "last_payment_error", "livemode", "next_action", "payment_method", "payment_method_types", "processing",
    "receipt_email", "setup_future_usage", "shipping", "status",
)  # fmt: skip


def new_intent(amount: int, currency: str, metadata: Mapping[str, Any], *, intent_id: str | None = None) -> Document:
    """An intent that waits for a payment method."""
    intent_id = intent_id or new_id("pi_")[:27]
    return {
        "id": intent_id,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic_async",
        "client_secret": f"{intent_id}_secret_{new_id('')[:25]}",
        "confirmation_method": "automatic",
        "created": now(),
        "currency": currency,
        "customer": None,
        "description": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "metadata": dict(metadata),
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_options": {
            "card": {
                "installments": None,
                "mandate_options": None,
                "network": None,
                "request_three_d_secure": "automatic",
            }
        },
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }


def failed_charge(intent: Document, error: Document) -> Document:
    """The charge of an attempt that failed, which took no money."""
    return {
        "id": new_id("ch_")[:27],
        "object": "charge",
        "amount": intent["amount"],
        "amount_refunded": 0,
        "balance_transaction": None,
        "created": now(),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "disputed": False,
        "failure_code": error["code"],
        "failure_message": error.get("message"),
        "livemode": intent["livemode"],
        "metadata": intent["metadata"],
        "paid": False,
        "payment_intent": intent["id"],
        "refunded": False,
        "status": "failed",
    }


def as_browsers_see(intent: Document) -> Document:
    """The intent without its metadata, customer and charge."""
    return {name: intent[name] for name in _SHOWN_TO_BROWSERS}


def unexpected_state(intent: Document, message: str) -> StripeRejectedError:
    """Stripe's error when an intent is not in a state for what is asked; it contains the intent as it is."""
    return StripeRejectedError(
        message, status=HTTPStatus.BAD_REQUEST, code="payment_intent_unexpected_state", payment_intent=intent
    )
