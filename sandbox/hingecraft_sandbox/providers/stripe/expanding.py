"""`expand`: an id inside an answer is replaced by what it names."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from hingecraft_sandbox.providers.book import Book, Document
from hingecraft_sandbox.providers.stripe.forms import StripeRefusalError
from hingecraft_sandbox.providers.stripe.objects import public

_DEEPEST = 4
_KINDS = {
    "payment_intent": "payment_intents", "latest_charge": "charges", "balance_transaction": "balance_transactions",
    "charge": "charges", "customer": "customers", "payment_link": "payment_links",
    "product": "products",
}  # fmt: skip


def expanded(book: Book, answer: Document, params: Document) -> Document:
    """The answer with everything expanded that was asked for."""
    for path in params.get("expand", []):
        names = path.split(".")
        if len(names) > _DEEPEST:
            raise StripeRefusalError("You cannot expand more than 4 levels of a property.", param="expand")
        _expand(book, answer, names, path)
    return answer


def _expand(book: Book, place: Any, names: list[str], path: str) -> None:
    name, *deeper = names
    if isinstance(place.get(name), list):
        for each in place[name]:
            _expand(book, each, deeper, path)
        return
    if name not in place or name not in _KINDS:
        raise StripeRefusalError(
            f"This property cannot be expanded ({path}).", status=HTTPStatus.BAD_REQUEST, param="expand"
        )
    if isinstance(place[name], str):
        place[name] = public(book.get(_KINDS[name], place[name]) or {})
    if deeper and isinstance(place[name], dict):
        _expand(book, place[name], deeper, path)
