"""Intents of invoices: what happens to one happens to its invoice and to the subscription."""

from __future__ import annotations

from hingecraft_sandbox.providers.book import Document, new_id
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.invoices import KIND as INVOICES
from hingecraft_sandbox.providers.stripe.invoices import PAYMENTS, Invoices
from hingecraft_sandbox.providers.stripe.renewals import Renewals
from hingecraft_sandbox.providers.stripe.subscriptions import KIND, Subscriptions

_SAVED = "on_subscription"


class InvoiceIntents:
    """Payments of open invoices by a payer who is present."""

    def __init__(self, acts: Acts, invoices: Invoices, renewals: Renewals, subscriptions: Subscriptions) -> None:
        self._acts = acts
        self._book = acts.objects.book
        self._invoices = invoices
        self._renewals = renewals
        self._subscriptions = subscriptions

    def invoice_of(self, intent_id: str) -> Document | None:
        """The invoice that the intent pays."""
        payments = self._book.all(PAYMENTS, lambda each: each["payment"]["payment_intent"] == intent_id)
        return self._invoices.find(payments[0]["invoice"]) if payments else None

    def pay(self, invoice: Document, intent: Document) -> Document:
        """Charge the card, and keep it for renewals if the subscription says so."""
        subscription = self._subscription_of(invoice)
        if subscription is None:
            self._renewals.collect(invoice)
            return self._acts.objects.find("payment_intents", intent["id"])
        method = intent["payment_method"] or new_id("pm_")[:27]
        self._book.put("payment_intents", intent | {"payment_method": method})
        saved = (subscription.get("payment_settings") or {}).get("save_default_payment_method", _SAVED) == _SAVED
        subscription["sandbox"]["card"] = "works"
        self._book.put(KIND, subscription | ({"default_payment_method": method} if saved else {}))
        self._renewals.collect(invoice)
        if not saved:
            self._subscriptions.set_card(subscription["id"], "missing")
        return self._acts.objects.find("payment_intents", intent["id"])

    def decline(self, invoice: Document, intent: Document, error: Document | None) -> Document:
        """The attempt failed; of the payer's own attempts only the first counts."""
        self._acts.decline(intent, error)
        invoice |= {"attempted": True, "attempt_count": max(1, invoice["attempt_count"])}
        self._book.put(INVOICES, invoice)
        self._acts.emit("invoice.payment_failed", invoice)
        return intent

    def _subscription_of(self, invoice: Document) -> Document | None:
        parent = invoice["parent"]
        return self._acts.objects.find(KIND, parent["subscription_details"]["subscription"]) if parent else None
