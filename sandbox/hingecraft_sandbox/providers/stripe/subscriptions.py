"""Subscriptions with an invoice for each period, in the API's format since version "basil"."""

from __future__ import annotations

from typing import Any

from hingecraft_sandbox.providers.book import Document, new_id, now
from hingecraft_sandbox.providers.stripe import shapes
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.forms import StripeRefusalError, checked

_DAY = 86_400
_DAYS = {"day": 1, "week": 7, "month": 30, "year": 365}
_OVER = frozenset({"canceled", "incomplete_expired"})


class Subscriptions:
    """Subscriptions start with a Checkout Session of that mode and renew until they are cancelled."""

    def __init__(self, acts: Acts) -> None:
        self._acts = acts
        self._book = acts.objects.book
        acts.subscribe = self.begin

    def begin(self, session: Document) -> Document:
        """The first period is paid on the session's page."""
        customer = session["customer"] or self._customer(session["customer_email"])
        subscription_id = new_id("sub_")[:28]
        items = [self._item(item, subscription_id) for item in session["items"]]
        subscription = {
            "id": subscription_id,
            "object": "subscription",
            "created": now(),
            "livemode": session["livemode"],
            "status": "active",
            "customer": customer,
            "currency": session["currency"],
            "cancel_at_period_end": False,
            "canceled_at": None,
            "ended_at": None,
            "latest_invoice": None,
            "metadata": session["subscription_metadata"],
            "items": {"object": "list", "data": items, "has_more": False},
        }
        self._book.put("subscriptions", subscription)
        self._acts.tell("customer.subscription.created", subscription)
        invoice = self._bill(subscription, "subscription_create", paid=True)
        session |= {"status": "complete", "payment_status": "paid", "customer": customer}
        session |= {"subscription": subscription["id"], "invoice": invoice["id"]}
        self._book.put("sessions", session)
        self._acts.tell("checkout.session.completed", session)
        return session

    def _customer(self, email: str | None) -> str:
        made = self._acts.objects.make("customers", {"email": email} if email else {})
        return str(made["id"])

    def _item(self, item: Document, subscription_id: str) -> Document:
        price = self._acts.objects.find("prices", item["price"])
        return {
            "id": new_id("si_")[:18],
            "object": "subscription_item",
            "price": price,
            "quantity": item["quantity"],
            "subscription": subscription_id,
            "current_period_start": now(),
            "current_period_end": now() + _period(price),
        }

    def renew(self, subscription_id: str, *, paid: bool) -> Document:
        """Start the next period: its invoice is paid, or the card is declined."""
        subscription = self._alive(subscription_id)
        if subscription["cancel_at_period_end"]:
            return self._ended(subscription)
        for item in subscription["items"]["data"]:
            item["current_period_start"] = item["current_period_end"]
            item["current_period_end"] += _period(item["price"])
        subscription["status"] = "active" if paid else "past_due"
        self._book.put("subscriptions", subscription)
        self._bill(subscription, "subscription_cycle", paid=paid)
        self._acts.tell("customer.subscription.updated", subscription)
        return subscription

    def cancel(self, subscription_id: str) -> Document:
        """Cancel the subscription now."""
        return self._ended(self._alive(subscription_id))

    def change(self, subscription_id: str, raw: Document) -> Document:
        """Update the fields that a merchant may change."""
        params = checked(raw, shapes.SUBSCRIPTION_UPDATE)
        subscription = self._alive(subscription_id) | {
            name: value for name, value in params.items() if name in {"cancel_at_period_end", "metadata"}
        }
        self._book.put("subscriptions", subscription)
        self._acts.tell("customer.subscription.updated", subscription)
        return subscription

    def _ended(self, subscription: Document) -> Document:
        subscription |= {"status": "canceled", "canceled_at": now(), "ended_at": now()}
        self._book.put("subscriptions", subscription)
        self._acts.tell("customer.subscription.deleted", subscription)
        return subscription

    def _alive(self, subscription_id: str) -> Document:
        subscription = self._acts.objects.find("subscriptions", subscription_id)
        if subscription["status"] in _OVER:
            raise StripeRefusalError(f"This subscription is already {subscription['status']}.")
        return subscription

    def _bill(self, subscription: Document, reason: str, *, paid: bool) -> Document:
        items = subscription["items"]["data"]
        amount = sum(item["price"]["unit_amount"] * item["quantity"] for item in items)
        invoice: Document = {
            "id": new_id("in_")[:27],
            "object": "invoice",
            "created": now(),
            "livemode": subscription["livemode"],
            "customer": subscription["customer"],
            "currency": subscription["currency"],
            "amount_due": amount,
            "amount_paid": amount if paid else 0,
            "total": amount,
            "billing_reason": reason,
            "status": "paid" if paid else "open",
            "parent": {
                "type": "subscription_details",
                "subscription_details": {"subscription": subscription["id"], "metadata": subscription["metadata"]},
            },
            "lines": {"object": "list", "data": [_line(item) for item in items], "has_more": False},
        }
        # A free first period has an invoice, but no payment.
        payments = [self._payment(invoice, subscription, paid=paid)] if amount else []
        invoice["payments"] = {"object": "list", "data": payments, "has_more": False}
        self._book.put("invoices_of_stripe", invoice)
        self._book.put("subscriptions", subscription | {"latest_invoice": invoice["id"]})
        self._acts.tell("invoice.paid" if paid else "invoice.payment_failed", invoice)
        return invoice

    def _payment(self, invoice: Document, subscription: Document, *, paid: bool) -> Document:
        intent = self._acts.charge(
            amount=invoice["total"],
            currency=invoice["currency"],
            livemode=invoice["livemode"],
            metadata=subscription["metadata"],
            paid=paid,
        )
        return self._book.put(
            "invoice_payments",
            {
                "id": new_id("inpay_")[:30],
                "object": "invoice_payment",
                "created": now(),
                "invoice": invoice["id"],
                "amount_paid": invoice["amount_paid"],
                "currency": invoice["currency"],
                "status": "paid" if paid else "open",
                "payment": {"type": "payment_intent", "payment_intent": intent["id"]},
                "payment_intent": intent["id"],
            },
        )


def _period(price: Document) -> int:
    recurring = price["recurring"] or {"interval": "month"}
    return _DAY * _DAYS[recurring["interval"]] * int(recurring.get("interval_count", 1))


def _line(item: Document) -> dict[str, Any]:
    price = item["price"]
    return {
        "id": new_id("il_")[:27],
        "object": "line_item",
        "amount": price["unit_amount"] * item["quantity"],
        "currency": price["currency"],
        "quantity": item["quantity"],
        "period": {"start": item["current_period_start"], "end": item["current_period_end"]},
        "pricing": {
            "type": "price_details",
            "price_details": {"price": price["id"], "product": price["product"]},
        },
    }
