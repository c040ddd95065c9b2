"""Takes what describes a person out of a provider's message. Its ids, amounts and times stay. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import simplejson

from hingecraft.privacy.person import Person

# Fields of Stripe's objects and of NOWPayments' messages, in whatever object they are.
_PERSONAL = frozenset(
    {
        "billing_details", "collected_information", "custom_fields", "customer_account", "customer_address",
        "customer_details", "customer_email", "customer_name", "customer_phone", "customer_purchase_ip",
        "customer_shipping", "customer_tax_ids", "evidence", "hosted_invoice_url", "invoice_pdf", "payer_email",
        "payment_method_details", "previous_attributes", "receipt_email", "receipt_url", "shipping",
        "shipping_details",
    }
)  # fmt: skip
# Fields that describe a person only where the object is the person.
_OF_CUSTOMERS = frozenset({"address", "business_name", "description", "email", "individual_name", "name", "phone"})
# Cards, accounts and wallets: all of their other fields describe the person.
_MEANS = frozenset({"bank_account", "card", "payment_method", "source"})
_KEPT_OF_MEANS = frozenset({"created", "customer", "id", "livemode", "metadata", "object", "type"})


def names(body: bytes, person: Person) -> bool:
    """Whether the message names the person, and not only somebody whose address or id contains theirs."""
    return any(map(person.is_named_in, _texts(_document(body))))


def _document(body: bytes) -> Any:
    """A message that is not JSON is one text."""
    try:
        return simplejson.loads(body, use_decimal=True)
    except ValueError:
        return body.decode(errors="replace")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from _texts(each)


def scrubbed(body: bytes, person: Person) -> bytes | None:
    """The message without the person; None where it is not JSON, such as a signed token."""
    try:
        document = simplejson.loads(body, use_decimal=True)
    except ValueError:
        return None
    return simplejson.dumps(_without(document, person), use_decimal=True, separators=(",", ":")).encode()


def _without(value: Any, person: Person) -> Any:
    if isinstance(value, list):
        return [_without(each, person) for each in value]
    if isinstance(value, str):
        # A document that was saved as text stays one.
        inner = scrubbed(value.encode(), person) if value.startswith("{") else None
        return inner.decode() if inner else None if person.has_address_in(value) else value
    if not isinstance(value, dict):
        return value
    personal = _personal_fields(value)
    return {name: None if name in personal else _without(each, person) for name, each in value.items()}


def _personal_fields(value: dict[str, Any]) -> frozenset[str]:
    kind = str(value.get("object"))
    if kind == "customer":
        return _PERSONAL | _OF_CUSTOMERS
    return frozenset(value) - _KEPT_OF_MEANS if kind in _MEANS else _PERSONAL
