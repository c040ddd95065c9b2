"""Stripe's subscriptions: the port of `ports` over its API."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from hingecraft.providers.stripe.account import StripeAccount
from hingecraft.providers.stripe.ports import Document


@dataclass(frozen=True, slots=True)
class StripeSubscriptions:
    """Implements `ports.Subscriptions`."""

    account: StripeAccount

    async def retrieve(self, subscription_id: str) -> Document:
        """One subscription with its latest invoice, also one that is over."""
        params = cast("Any", {"expand": ["latest_invoice"]})
        options = self.account.options()
        retrieve = self.account.client.v1.subscriptions.retrieve_async
        return await self.account.ask(lambda: retrieve(subscription_id, params, options=options))

    def paid_invoices(self, subscription_id: str, since: datetime) -> AsyncIterator[Document]:
        """Its paid invoices made since then, the newest first."""
        wanted = {"subscription": subscription_id, "status": "paid", "created": {"gte": int(since.timestamp())}}
        return self.account.pages(self.account.client.v1.invoices.list_async, wanted)
