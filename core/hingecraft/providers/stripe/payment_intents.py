"""Stripe's PaymentIntents: the port of `ports` over its API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import Opened, ProviderMissingError, ProviderRejectedError, ProviderUnknownError
from hingecraft.providers.stripe.account import StripeAccount
from hingecraft.providers.stripe.metadata import PAYMENT
from hingecraft.providers.stripe.ports import Document

_EXPANDED = ("latest_charge.balance_transaction",)
# Clocks differ.
_ROOM = timedelta(minutes=5)
_CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class StripeIntents:
    """Implements `ports.Intents`."""

    account: StripeAccount

    async def create(self, request: Document, key: str, deadline: Deadline) -> Opened:
        """Make an intent, or get the one that the same key has made before."""
        options = self.account.options(key)
        made = await self.account.call(
            lambda: self._intents.create_async(cast("Any", request), options=options), deadline
        )
        if not str(made.id).startswith("pi_"):
            raise ProviderUnknownError("Stripe did not return a PaymentIntent")
        return Opened(provider_id=str(made.id), url=None, client_secret=str(made.client_secret))

    async def retrieve(self, intent_id: str) -> Document:
        """One intent with what its charge is worth; raises ProviderMissingError where Stripe does not know it."""
        params, options = cast("Any", {"expand": list(_EXPANDED)}), self.account.options()
        return await self.account.ask(lambda: self._intents.retrieve_async(intent_id, params, options=options))

    async def cancel(self, intent_id: str, deadline: Deadline) -> bool:
        """End it, so that it cannot be paid any more; False if it is paid, or being paid."""
        options = self.account.options()
        try:
            await self.account.call(lambda: self._intents.cancel_async(intent_id, options=options), deadline)
        except ProviderRejectedError as error:
            if error.passing or isinstance(error, ProviderMissingError):
                raise
            return bool((await self.retrieve(intent_id))["status"] == _CANCELED)
        return True

    async def made_for(self, payment_id: str, since: datetime, until: datetime) -> Document | None:
        """The intent of a payment, made between the two times: intents can only be listed by their time."""
        window = {"gte": int((since - _ROOM).timestamp()), "lte": int((until + _ROOM).timestamp())}
        async for intent in self.account.pages(self._intents.list_async, {"created": window}):
            if (intent.get("metadata") or {}).get(PAYMENT) == payment_id:
                return intent
        return None

    async def of_customer(self, customer_id: str, since: datetime) -> list[Document]:
        """The customer's intents made since then, each with its latest charge."""
        wanted = {
            "customer": customer_id,
            "created": {"gte": int(since.timestamp())},
            "expand": ["data.latest_charge"],
        }
        return [intent async for intent in self.account.pages(self._intents.list_async, wanted)]

    @property
    def _intents(self) -> Any:
        return self.account.client.v1.payment_intents
