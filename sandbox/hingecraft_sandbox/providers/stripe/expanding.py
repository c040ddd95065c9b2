"""`expand`: an id inside an answer is replaced by what it names."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from hingecraft_sandbox.providers.book import Book, Document
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError
from hingecraft_sandbox.providers.stripe.objects import public

_DEEPEST = 4
_KINDS = {
    "payment_intent": "payment_intents", "latest_charge": "charges", "balance_transaction": "balance_transactions",
    "charge": "charges", "customer": "customers", "payment_link": "payment_links",
    "product": "products", "subscription": "subscriptions", "latest_invoice": "invoices_of_stripe",
    "invoice": "invoices_of_stripe", "discounts": "discounts",
}  # fmt: skip


def expanded(book: Book, answer: Document, params: Document) -> Document:
    """The answer with everything expanded that was asked for."""
    for path in params.get("expand", []):
        names = path.split(".")
        if len(names) > _DEEPEST:
            raise StripeRejectedError("You cannot expand more than 4 levels of a property.", param="expand")
        _expand(book, answer, names, path)
    return answer


_INCLUDED = frozenset({"payments", "confirmation_secret"})


def _add_to_invoice(book: Book, invoice: Document, name: str) -> None:
    """Add an invoice's payments, which it has only if they are expanded."""
    payments = book.all("invoice_payments", lambda each: each["invoice"] == invoice["id"])
    if name == "payments":
        url = f"/v1/invoice_payments?invoice={invoice['id']}"
        invoice["payments"] = {"object": "list", "data": payments, "has_more": False, "url": url}
    elif name == "confirmation_secret":
        ids = [each["payment"]["payment_intent"] for each in payments if invoice["status"] == "open"]
        intents = [book.get("payment_intents", intent_id) or {} for intent_id in ids]
        secrets = [{"client_secret": each["client_secret"], "type": "payment_intent"} for each in intents]
        invoice["confirmation_secret"] = secrets[0] if secrets else None


def _expand(book: Book, place: Any, names: list[str], path: str) -> None:
    name, *deeper = names
    if place.get("object") == "invoice":
        _add_to_invoice(book, place, name)
    if isinstance(place.get(name), list):
        if not deeper and name in _KINDS:
            place[name] = [public(book.get(_KINDS[name], each) or {}) for each in place[name]]
            return
        for each in place[name]:
            _expand(book, each, deeper, path)
        return
    if isinstance(place.get(name), dict) and deeper:
        _expand(book, place[name], deeper, path)
        return
    if name in _INCLUDED and name in place:
        return
    if name not in place or name not in _KINDS:
        raise StripeRejectedError(
            f"This property cannot be expanded ({path}).", status=HTTPStatus.BAD_REQUEST, param="expand"
        )
    if isinstance(place[name], str):
        place[name] = public(book.get(_KINDS[name], place[name]) or {})
    if deeper and isinstance(place[name], dict):
        _expand(book, place[name], deeper, path)
