"""The step of packs and plans in a reconciliation: what they cost is read from Stripe again."""

from __future__ import annotations

import logging

from hingecraft.credits.prices import store
from hingecraft.credits.prices.service import Prices
from hingecraft.db.connection import Database
from hingecraft.money.book import CurrencyBook
from hingecraft.providers import stripe
from hingecraft.providers.port import ProviderRejectedError, ProviderUnknownError
from hingecraft.providers.stripe.client import StripeProvider
from hingecraft.steps import Run, Steps

log = logging.getLogger(__name__)


def prices_steps(database: Database, provider: StripeProvider) -> Steps:
    """After the account was compared: another account's key has none of our prices."""
    currencies = CurrencyBook(database)
    prices = Prices(database, provider.prices, currencies, configured=provider.configured)

    async def read_amounts(run: Run) -> None:
        if stripe.NAME not in run.providers or run.dry:
            return
        await currencies.refresh()
        async with database.connection() as conn:
            active, unread = await store.active(conn), await store.unread(conn)
        for price in (*active, *unread):
            try:
                reason = await prices.read(price)
            except (ProviderRejectedError, ProviderUnknownError) as error:
                run.summary.fail(f"the price of {price.code} could not be read from Stripe: {error}")
                return
            if reason is not None and price.active:
                log.log(
                    logging.WARNING if price.amount is not None else logging.INFO,
                    "%s is not offered: %s is not usable: %s", price.code, price.price_id, reason,
                )  # fmt: skip

    return Steps(after_checks=(read_amounts,))
