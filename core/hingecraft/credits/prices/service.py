"""Offers packs and plans. Their amounts are read from Stripe when first needed, and by the reconciliation."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import replace

from hingecraft.credits.prices import store
from hingecraft.credits.prices.model import Cost, CreditPrice, UnknownPriceError, cost_of, not_offered
from hingecraft.db.connection import Database
from hingecraft.money.book import CurrencyBook
from hingecraft.providers.port import ProviderMissingError, ProviderRejectedError, ProviderUnknownError
from hingecraft.providers.stripe import ports

log = logging.getLogger(__name__)

# Seconds after which Stripe is asked again about a price that it did not have, or about any after it did not answer.
_MISSING_FOR = 60.0


class Prices:
    """The prices of one pod or command."""

    def __init__(self, database: Database, stripe: ports.Prices, currencies: CurrencyBook, *, configured: bool) -> None:
        self._database = database
        self._stripe = stripe
        self._currencies = currencies
        self._configured = configured
        self._asked: dict[str, float] = {}
        self._unanswered_at = -_MISSING_FOR
        # One question for all callers that wait.
        self._asking = asyncio.Lock()

    async def offered(self) -> list[CreditPrice]:
        """The active packs and plans whose amount is known, packs first."""
        async with self._database.connection() as conn:
            found = await store.active(conn)
        if any(price.amount is None for price in found):
            found = [await self._with_cost(price) for price in found]
        return [price for price in found if price.amount is not None]

    async def offer(self, price_id: str) -> CreditPrice:
        """One that is offered; raises UnknownPriceError for any other."""
        async with self._database.connection() as conn:
            found = await store.one(conn, price_id)
        if found is None or not found.active:
            raise UnknownPriceError
        found = await self._with_cost(found)
        if found.amount is None:
            raise UnknownPriceError
        return found

    async def read(self, price: CreditPrice) -> str | None:
        """Ask Stripe what a price costs and record it; returns why it cannot be offered, if so."""
        cost: Cost | str
        try:
            found = await self._stripe.retrieve(price.price_id)
        except ProviderMissingError:
            cost, reason = "Stripe does not have it", None
        else:
            cost, reason = cost_of(found, self._currencies.table.by_code), not_offered(found, price.kind)
        if isinstance(cost, str):
            reason = reason or cost
        async with self._database.connection() as conn:
            amount = cost if isinstance(cost, Cost) else None
            await store.set_cost(conn, price.price_id, amount, offered=reason is None)
        return reason

    async def _with_cost(self, price: CreditPrice) -> CreditPrice:
        if price.amount is not None or not self._configured:
            return price
        async with self._asking:
            failed_at = max(self._asked.get(price.price_id, -_MISSING_FOR), self._unanswered_at)
            if failed_at > time.monotonic() - _MISSING_FOR:
                return price
            try:
                reason = await self.read(price)
            except (ProviderRejectedError, ProviderUnknownError) as error:
                reason = str(error)
                if isinstance(error, ProviderUnknownError):
                    self._unanswered_at = time.monotonic()
            if reason is not None:
                self._asked[price.price_id] = time.monotonic()
                log.warning("the price %s of %s is not offered: %s", price.price_id, price.code, reason)
                return price
        async with self._database.connection() as conn:
            return await store.one(conn, price.price_id) or replace(price, active=False)
