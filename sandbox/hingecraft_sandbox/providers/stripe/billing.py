"""Everything of the sandbox that concerns subscriptions and their invoices, put together."""

from __future__ import annotations

from hingecraft_sandbox.providers.stripe.acts import Acts
from hingecraft_sandbox.providers.stripe.api import Billing
from hingecraft_sandbox.providers.stripe.clock import Clock
from hingecraft_sandbox.providers.stripe.invoices import Invoices
from hingecraft_sandbox.providers.stripe.subscriptions import Subscriptions


class StripeBilling:
    """Subscriptions, invoices and their endpoints."""

    def __init__(self, acts: Acts) -> None:
        self.clock = Clock(acts.objects.book)
        self.invoices = Invoices(acts, self.clock)
        self.subscriptions = Subscriptions(acts, self.clock, self.invoices)

    def endpoints(self) -> Billing:
        """Method, path and what answers it."""
        subscriptions = self.subscriptions
        return (
            ("POST", "/v1/subscriptions/{id}", lambda path, params: subscriptions.change(path["id"], params)),
            ("DELETE", "/v1/subscriptions/{id}", lambda path, _params: subscriptions.cancel(path["id"])),
            ("GET", "/v1/invoices/{id}/lines", self.invoices.lines),
        )
