"""Everything of the sandbox that concerns subscriptions and their invoices, put together."""

from __future__ import annotations

from collections.abc import Mapping

from hingecraft_sandbox.providers.book import Document
from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.api import Billing
from hingecraft_sandbox.providers.stripe.clock import Clock
from hingecraft_sandbox.providers.stripe.customers import delete_customer
from hingecraft_sandbox.providers.stripe.invoices import Invoices
from hingecraft_sandbox.providers.stripe.renewals import Renewals
from hingecraft_sandbox.providers.stripe.subscriptions import Subscriptions
from hingecraft_sandbox.providers.switches import Switches


class StripeBilling:
    """Subscriptions, invoices and their endpoints."""

    def __init__(self, acts: Acts, switches: Switches) -> None:
        self.clock = Clock(acts.objects.book)
        self.invoices = Invoices(acts, self.clock)
        self.subscriptions = Subscriptions(acts, self.clock, self.invoices)
        self.renewals = Renewals(acts, self.clock, self.invoices, self.subscriptions, switches)
        self._acts = acts

    def endpoints(self) -> Billing:
        """Method, path and what answers it."""
        subscriptions = self.subscriptions
        return (
            ("POST", "/v1/subscriptions/{id}", lambda path, params: subscriptions.change(path["id"], params)),
            ("DELETE", "/v1/subscriptions/{id}", lambda path, params: subscriptions.cancel(path["id"], params)),
            ("POST", "/v1/subscriptions/{id}/resume", lambda path, params: subscriptions.resume(path["id"], params)),
            ("POST", "/v1/invoices/{id}/pay", lambda path, params: self.renewals.pay(path["id"], params)),
            ("GET", "/v1/invoices/{id}/lines", self.invoices.lines),
            ("DELETE", "/v1/customers/{id}", self._delete_customer),
        )

    def _delete_customer(self, path: Mapping[str, str], params: Document) -> Document:
        return delete_customer(self._acts, self.subscriptions, path["id"], params)
