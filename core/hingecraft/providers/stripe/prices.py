"""Stripe's prices: the port of `ports` over its API."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, cast

from hingecraft.providers.patience import Deadline
from hingecraft.providers.stripe.account import StripeAccount
from hingecraft.providers.stripe.ports import Document
from hingecraft.providers.stripe.sales import PricePlan, price_request

_CALL = 30.0


@dataclass(frozen=True, slots=True)
class StripePrices:
    """Implements `ports.Prices`."""

    account: StripeAccount

    async def retrieve(self, price_id: str) -> Document:
        """One price with its product; raises ProviderMissingError where Stripe does not know it."""
        params, options = cast("Any", {"expand": ["product"]}), self.account.options()
        return await self.account.ask(lambda: self._prices.retrieve_async(price_id, params, options=options))

    async def find(self, lookup_key: str) -> Document | None:
        """The price with this lookup key, with its product. An archived one is found too."""
        params = cast("Any", {"lookup_keys": [lookup_key], "limit": 1, "expand": ["data.product"]})
        options = self.account.options()
        found = (await self.account.ask(lambda: self._prices.list_async(params, options=options)))["data"]
        return found[0] if found else None

    async def make(self, plan: PricePlan, *, instead_of: Document | None) -> Document:
        """A new price, which takes the lookup key from the other one; a repeat finds what the first call has made."""
        request = price_request(plan)
        # Permits a repeat of this request after the same price only.
        after = json.dumps([request, instead_of["id"] if instead_of else None], sort_keys=True)
        key = f"{plan.lookup_key}_{hashlib.sha256(after.encode()).hexdigest()[:16]}"

        async def create(options: Any) -> Any:
            return await self._prices.create_async(cast("Any", request), options=options)

        made: Document = (await self.account.make(create, key, Deadline.within(_CALL))).to_dict()
        return made

    @property
    def _prices(self) -> Any:
        return self.account.client.v1.prices
