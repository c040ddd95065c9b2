"""Events as an endpoint of an older API version gets them: what has moved since is where it was then."""

from __future__ import annotations

from hingecraft_sandbox.providers.book import Book, Document
from hingecraft_sandbox.providers.stripe.objects import without

OLD = "2022-11-15"
# Each in the name that it had: until 2024-10-28 refunds of charges had no events of their own, and until 2025-03-31
# payments of invoices had none. None: it is not sent.
_NAMES: dict[str, str | None] = {
    "refund.created": None,
    "refund.failed": None,
    "refund.updated": "charge.refund.updated",
    "invoice_payment.paid": None,
}
_PERIOD = "current_period_start", "current_period_end"


def name_in(version: str, kind: str) -> str | None:
    """The event's type in that version; None if it has no such event."""
    return _NAMES.get(kind, kind) if version == OLD else kind


def shape_in(version: str, book: Book, shown: Document) -> Document:
    """An object, as the API shows it today, in the shape of that version."""
    if version != OLD:
        return shown
    match shown.get("object"):
        case "invoice":
            return _invoice(book, shown)
        case "subscription":
            return _subscription(shown)
        case "payment_intent":
            return shown | {"invoice": _invoice_of(book, shown["id"])}
        case "charge":
            return shown | {"invoice": _invoice_of(book, shown["payment_intent"])}
    return shown


def _invoice(book: Book, shown: Document) -> Document:
    details = (shown["parent"] or {}).get("subscription_details") or {}
    payments = book.all("invoice_payments", lambda each: each["invoice"] == shown["id"] and each["is_default"])
    intent = payments[0]["payment"]["payment_intent"] if payments else None
    lines = [_line(book, each) for each in shown["lines"]["data"]]
    return {
        **without(shown, "parent", "amount_overpaid", "total_taxes"),
        "charge": (book.get("payment_intents", intent or "") or {}).get("latest_charge"),
        "discount": None,
        "lines": {**shown["lines"], "data": lines},
        "paid": shown["status"] == "paid",
        "payment_intent": intent,
        "subscription": details.get("subscription"),
        "subscription_details": {"metadata": details.get("metadata")},
        "tax": None,
        "total_tax_amounts": [],
    }


def _line(book: Book, line: Document) -> Document:
    parent = line["parent"]
    details = parent["subscription_item_details"] or parent["invoice_item_details"]
    price = ((line["pricing"] or {}).get("price_details") or {}).get("price")
    return {
        **without(line, "parent", "pricing", "pretax_credit_amounts", "quantity_decimal", "subtotal", "taxes"),
        "invoice_item": details["invoice_item"],
        "plan": None,
        "price": book.get("prices", price) if price else None,
        "proration": details["proration"],
        "proration_details": details["proration_details"],
        "subscription": details["subscription"],
        "subscription_item": details.get("subscription_item"),
        "tax_amounts": [],
        "tax_rates": [],
        "type": "invoiceitem" if details["invoice_item"] else "subscription",
    }


def _subscription(shown: Document) -> Document:
    items = shown["items"]["data"]
    return {
        **without(shown, "discounts", "billing_mode"),
        **{name: items[0][name] for name in _PERIOD},
        "discount": None,
        "items": {**shown["items"], "data": [without(each, *_PERIOD, "discounts") for each in items]},
        "plan": None,
    }


def _invoice_of(book: Book, intent_id: str) -> str | None:
    found = book.all("invoice_payments", lambda each: each["payment"]["payment_intent"] == intent_id)
    return str(found[0]["invoice"]) if found else None
