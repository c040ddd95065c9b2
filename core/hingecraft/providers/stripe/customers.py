"""Stripe's customers: the port of `ports` over its API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderMissingError, ProviderUnknownError
from hingecraft.providers.stripe.account import EmailRejectedError, StripeAccount
from hingecraft.providers.stripe.ports import Document

_EMAIL = "email"
_WITHOUT_EMAIL = "_without_email"
# Clocks differ.
_ROOM = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class StripeCustomers:
    """Implements `ports.Customers`."""

    account: StripeAccount

    async def create(self, request: Document, key: str, deadline: Deadline) -> str:
        """Make a customer, or get the one that the same key has made before.

        One whose e-mail Stripe refuses is made without it, under a second key that follows from the first, so that a
        repeat takes the same two steps.
        """
        try:
            return await self._create(request, key, deadline)
        except EmailRejectedError:
            without = {name: value for name, value in request.items() if name != _EMAIL}
            return await self._create(without, f"{key}{_WITHOUT_EMAIL}", deadline)

    async def _create(self, request: Document, key: str, deadline: Deadline) -> str:
        options = self.account.options(key)
        made = await self._call(lambda: self._customers.create_async(cast("Any", request), options=options), deadline)
        if not str(made["id"]).startswith("cus_"):
            raise ProviderUnknownError("Stripe did not return a customer")
        return str(made["id"])

    async def made_with(self, metadata: Mapping[str, str], since: datetime) -> str | None:
        """The customer with this metadata, made since then: customers can be listed only by their time."""
        window = {"created": {"gte": int((since - _ROOM).timestamp())}}
        async for customer in self.account.pages(self._customers.list_async, window):
            if metadata.items() <= (customer.get("metadata") or {}).items():
                return str(customer["id"])
        return None

    async def is_deleted(self, customer_id: str, deadline: Deadline) -> bool:
        """A deleted customer is still answered, with `deleted`."""
        options = self.account.options()
        found = await self._call(lambda: self._customers.retrieve_async(customer_id, options=options), deadline)
        return bool(found.get("deleted"))

    async def subscriptions_of(self, customer_id: str) -> list[Document]:
        """Stripe lists no subscriptions that are over, unless it is asked for them."""
        listed = self.account.client.v1.subscriptions.list_async
        return [each async for each in self.account.pages(listed, {"customer": customer_id})]

    async def delete(self, customer_id: str, deadline: Deadline) -> None:
        """Delete it with its subscriptions; a customer that is gone already is not an error."""
        options = self.account.options()
        try:
            await self._call(lambda: self._customers.delete_async(customer_id, options=options), deadline)
        except ProviderMissingError:
            # Gone, or of another account: only a customer that Stripe calls deleted was ours.
            if not await self.is_deleted(customer_id, deadline):
                raise

    async def _call(self, attempt: Callable[[], Awaitable[Any]], deadline: Deadline) -> Document:
        found: Document = (await self.account.call(attempt, deadline)).to_dict()
        return found

    @property
    def _customers(self) -> Any:
        return self.account.client.v1.customers
