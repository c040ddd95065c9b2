"""Everything of the sandbox that concerns subscriptions and their invoices, put together."""

from __future__ import annotations

from collections.abc import Mapping

from hingecraft_sandbox.providers.book import Document
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.api import Billing
from hingecraft_sandbox.providers.stripe.clock import Clock
from hingecraft_sandbox.providers.stripe.coupons import Coupons
from hingecraft_sandbox.providers.stripe.credit_notes import CreditNotes
from hingecraft_sandbox.providers.stripe.customers import delete_customer
from hingecraft_sandbox.providers.stripe.invoice_intents import InvoiceIntents
from hingecraft_sandbox.providers.stripe.invoices import Invoices
from hingecraft_sandbox.providers.stripe.new_subscriptions import NewSubscriptions
from hingecraft_sandbox.providers.stripe.plan_changes import PlanChanges
from hingecraft_sandbox.providers.stripe.portal import Portal
from hingecraft_sandbox.providers.stripe.renewals import Renewals
from hingecraft_sandbox.providers.stripe.subscriptions import Subscriptions
from hingecraft_sandbox.providers.switches import Switches


class StripeBilling:
    """Subscriptions, invoices and their endpoints."""

    def __init__(self, acts: Acts, switches: Switches, address: str) -> None:
        self.clock = Clock(acts.objects.book)
        self.invoices = Invoices(acts, self.clock)
        self.credit_notes = CreditNotes(acts, self.invoices)
        self.subscriptions = Subscriptions(acts, self.clock, self.invoices)
        self.changes = PlanChanges(acts, self.clock, self.invoices, self.subscriptions)
        self.portal = Portal(acts, address, self.subscriptions, self.changes)
        self.renewals = Renewals(acts, self.clock, self.invoices, self.subscriptions, switches)
        self.coupons = Coupons(acts, self.clock)
        self.intents = InvoiceIntents(acts, self.invoices, self.renewals, self.subscriptions)
        self._new = NewSubscriptions(acts, self.invoices, self.subscriptions)
        self._acts = acts

    def endpoints(self) -> Billing:
        """Method, path and what answers it."""
        subscriptions, portal = self.subscriptions, self.portal
        return (
            *self.coupons.endpoints(),
            ("POST", "/v1/subscriptions", lambda _path, params: self._new.create(params)),
            ("POST", "/v1/subscriptions/{id}", lambda path, params: self.changes.change(path["id"], params)),
            ("DELETE", "/v1/subscriptions/{id}", lambda path, params: subscriptions.cancel(path["id"], params)),
            ("POST", "/v1/subscriptions/{id}/resume", lambda path, params: subscriptions.resume(path["id"], params)),
            ("POST", "/v1/invoices/{id}/pay", lambda path, params: self.renewals.pay(path["id"], params)),
            ("POST", "/v1/invoices/{id}/void", lambda path, params: self.invoices.void_by_hand(path["id"], params)),
            ("GET", "/v1/invoices/{id}/lines", self.invoices.lines),
            ("POST", "/v1/credit_notes", lambda _path, params: self.credit_notes.make(params)),
            ("POST", "/v1/invoiceitems", lambda _path, params: self.invoices.add_item(params)),
            ("DELETE", "/v1/customers/{id}", self._delete_customer),
            ("POST", "/v1/billing_portal/configurations", lambda _path, params: portal.configure(params)),
            (
                "POST",
                "/v1/billing_portal/configurations/{id}",
                lambda path, params: portal.reconfigure(path["id"], params),
            ),
            ("POST", "/v1/billing_portal/sessions", lambda _path, params: portal.open(params)),
        )

    def _delete_customer(self, path: Mapping[str, str], params: Document) -> Document:
        return delete_customer(self._acts, self.subscriptions, path["id"], params)
