"""Deleting a customer, which ends its subscriptions; what is left of it says only that it is deleted."""

from __future__ import annotations

from http import HTTPStatus

from hingecraft_sandbox.providers.book import Document
from hingecraft_sandbox.providers.stripe import shapes
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.forms import StripeRejectedError, checked
from hingecraft_sandbox.providers.stripe.subscriptions import KIND, OVER, Subscriptions


def delete_customer(acts: Acts, subscriptions: Subscriptions, customer_id: str, raw: Document) -> Document:
    """A deleted customer can still be read, and nothing else can be done with it."""
    checked(raw, shapes.READ)
    book = acts.objects.book
    customer = acts.objects.find("customers", customer_id)
    if customer.get("deleted"):
        raise StripeRejectedError(
            f"No such customer: '{customer_id}'", status=HTTPStatus.NOT_FOUND, code="resource_missing", param="id"
        )
    for subscription in book.all(KIND, lambda each: each["customer"] == customer_id and each["status"] not in OVER):
        subscriptions.end(subscription)
    gone = {"id": customer_id, "object": "customer", "deleted": True}
    book.put("customers", gone)
    acts.emit("customer.deleted", customer)
    return gone
