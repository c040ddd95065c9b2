"""`GET /v1/checkout/sessions/{id}/line_items`: what a session sells, page by page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hingecraft_sandbox.providers.book import Document
from hingecraft_sandbox.providers.stripe import shapes
from hingecraft_sandbox.providers.stripe.forms import checked
from hingecraft_sandbox.providers.stripe.lines import page
from hingecraft_sandbox.providers.stripe.objects import Objects


class SessionLines:
    """The line items of sessions."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def page(self, path: Mapping[str, str], raw: Document) -> Document:
        """A page of a session's lines: `limit` of them (10)."""
        params = checked(raw, shapes.PAGE)
        session = self._objects.find("sessions", path["id"])
        found = [self._line(session, number, item) for number, item in enumerate(session["items"])]
        return page(f"/v1/checkout/sessions/{session['id']}/line_items", found, params)

    def _line(self, session: Document, number: int, item: Document) -> dict[str, Any]:
        price = item.get("price")
        return {
            "id": f"li_{session['id'].removeprefix('cs_test_')[:20]}{number}",
            "object": "item",
            "amount_discount": item.get("discount", 0),
            "amount_subtotal": item["amount"],
            "amount_total": item["amount"] - item.get("discount", 0),
            "currency": session["currency"],
            "description": item["description"],
            "price": self._objects.find("prices", price) if price else None,
            "quantity": item.get("quantity", 1),
        }
