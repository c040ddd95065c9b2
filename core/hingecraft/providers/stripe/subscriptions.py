"""Stripe's subscriptions: the port of `ports` over its API."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import Opened, ProviderRejectedError, ProviderUnknownError
from hingecraft.providers.stripe.account import StripeAccount
from hingecraft.providers.stripe.metadata import PAYMENT
from hingecraft.providers.stripe.ports import Document

_CONFIRMATION = "latest_invoice.confirmation_secret"
# Clocks differ.
_ROOM = timedelta(minutes=5)
_OVER = frozenset({"canceled", "incomplete_expired"})
_INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True)
class StripeSubscriptions:
    """Implements `ports.Subscriptions`."""

    account: StripeAccount

    async def create(self, request: Document, key: str, deadline: Deadline) -> Opened:
        """Make a subscription, or get the one that the same key has made before."""
        params, options = cast("Any", request), self.account.options(key)
        made = await self._call(lambda: self._subscriptions.create_async(params, options=options), deadline)
        if not str(made["id"]).startswith("sub_"):
            raise ProviderUnknownError("Stripe did not return a subscription")
        return Opened(provider_id=str(made["id"]), url=None, client_secret=_secret_in(made))

    async def retrieve(self, subscription_id: str) -> Document:
        """One subscription with its latest invoice, also one that is over."""
        return await self._retrieve(subscription_id, "latest_invoice")

    async def secret_of(self, subscription_id: str) -> str | None:
        """The client secret of its latest invoice; None: there is nothing to pay on our page."""
        return _secret_in(await self._retrieve(subscription_id, _CONFIRMATION))

    async def end(self, subscription_id: str, deadline: Deadline) -> bool:
        """End one that was never paid, by voiding its first invoice, which Stripe does only to unpaid ones.

        A process that dies in between leaves it incomplete with a void invoice: the next call goes on from there.
        """
        found = await self.retrieve(subscription_id)
        if found["status"] == _INCOMPLETE and not _is_void(found):
            found = await self._voided(found, deadline)
        if found["status"] == _INCOMPLETE and _is_void(found):
            found = await self._cancelled(found, deadline)
        return found["status"] in _OVER

    async def _voided(self, found: Document, deadline: Deadline) -> Document:
        """The subscription after its invoice was voided, or could not be because it was paid or voided meanwhile."""
        void, options = self.account.client.v1.invoices.void_invoice_async, self.account.options()
        invoice = str(found["latest_invoice"]["id"])
        return await self._after(found, lambda: void(invoice, options=options), deadline)

    async def _cancelled(self, found: Document, deadline: Deadline) -> Document:
        cancel, options = self._subscriptions.cancel_async, self.account.options()
        return await self._after(found, lambda: cancel(str(found["id"]), options=options), deadline)

    async def _after(self, found: Document, change: Any, deadline: Deadline) -> Document:
        """As Stripe has it after a change, also if another process has changed it first."""
        try:
            await self._call(change, deadline)
        except ProviderRejectedError as error:
            if error.passing:
                raise
            now = await self.retrieve(str(found["id"]))
            if (now["status"], _is_void(now)) == (found["status"], _is_void(found)):
                raise
            return now
        return await self.retrieve(str(found["id"]))

    async def cancel_at_period_end(self, subscription_id: str, deadline: Deadline) -> Document:
        """Cancel it at the end of the paid period."""
        params, options = (
            cast("Any", {"cancel_at_period_end": True, "expand": ["latest_invoice"]}),
            self.account.options(),
        )
        return await self._call(
            lambda: self._subscriptions.update_async(subscription_id, params, options=options), deadline
        )

    async def made_for(self, payment_id: str, since: datetime, until: datetime) -> Document | None:
        """The subscription of a payment, made between the two times, also one that is over."""
        window = {"gte": int((since - _ROOM).timestamp()), "lte": int((until + _ROOM).timestamp())}
        async for each in self.account.pages(self._subscriptions.list_async, {"created": window, "status": "all"}):
            if (each.get("metadata") or {}).get(PAYMENT) == payment_id:
                return each
        return None

    def paid_invoices(self, subscription_id: str, since: datetime) -> AsyncIterator[Document]:
        """Its paid invoices made since then, the newest first."""
        wanted = {"subscription": subscription_id, "status": "paid", "created": {"gte": int(since.timestamp())}}
        return self.account.pages(self.account.client.v1.invoices.list_async, wanted)

    async def _retrieve(self, subscription_id: str, expanded: str) -> Document:
        params, options = cast("Any", {"expand": [expanded]}), self.account.options()
        return await self.account.ask(
            lambda: self._subscriptions.retrieve_async(subscription_id, params, options=options)
        )

    async def _call(self, attempt: Any, deadline: Deadline) -> Document:
        found: Document = (await self.account.call(attempt, deadline)).to_dict()
        return found

    @property
    def _subscriptions(self) -> Any:
        return self.account.client.v1.subscriptions


def _is_void(subscription: Document) -> bool:
    return bool(subscription["latest_invoice"]["status"] == "void")


def _secret_in(subscription: Document) -> str | None:
    invoice = subscription.get("latest_invoice")
    secret = invoice.get("confirmation_secret") if isinstance(invoice, Mapping) else None
    return str(secret["client_secret"]) if secret else None
