"""Takes what describes a person out of a provider's message. Its ids, amounts and times stay. Pure."""

from __future__ import annotations

from typing import Any

import simplejson

# Fields of Stripe's objects and of NOWPayments' messages, in whatever object they are.
_PERSONAL = frozenset(
    {
        "billing_details", "collected_information", "custom_fields", "customer_account", "customer_address",
        "customer_details", "customer_email", "customer_name", "customer_phone", "customer_purchase_ip",
        "customer_shipping", "customer_tax_ids", "payer_email", "receipt_email", "receipt_url", "hosted_invoice_url",
        "invoice_pdf", "shipping", "shipping_details",
    }
)  # fmt: skip
# Fields that describe a person only where the object is the person.
_OF_CUSTOMERS = frozenset({"address", "business_name", "description", "email", "individual_name", "name", "phone"})


def scrubbed(body: bytes, email: str | None) -> bytes | None:
    """The message without the person; None where it is not JSON, such as a signed token."""
    try:
        document = simplejson.loads(body, use_decimal=True)
    except ValueError:
        return None
    return simplejson.dumps(_without_person(document, email), use_decimal=True, separators=(",", ":")).encode()


def _without_person(value: Any, email: str | None) -> Any:
    if isinstance(value, list):
        return [_without_person(each, email) for each in value]
    if isinstance(value, str):
        return None if email is not None and email in value.lower() else value
    if not isinstance(value, dict):
        return value
    personal = _PERSONAL | _OF_CUSTOMERS if value.get("object") == "customer" else _PERSONAL
    return {name: None if name in personal else _without_person(each, email) for name, each in value.items()}
