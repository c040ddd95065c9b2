"""The steps of purchases in a reconciliation: subscriptions that were given up, and products that have a new name."""

from __future__ import annotations

from collections.abc import Sequence

from hingecraft.db.connection import Database
from hingecraft.errors import ForeignError, NotYetError
from hingecraft.members.subscriptions.service import Copies, Family
from hingecraft.providers import stripe
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderRejectedError, ProviderUnknownError
from hingecraft.providers.stripe.client import StripeProvider
from hingecraft.purchases import store
from hingecraft.purchases.model import PRODUCT_PREFIX
from hingecraft.purchases.products import store as products
from hingecraft.steps import Run, Step, Steps

_ACTOR = "reconcile"
_CALL = 20.0
_INCOMPLETE = "incomplete"


def purchases_steps(database: Database, provider: StripeProvider, families: Sequence[Family]) -> Steps:
    """After the checks, which find payments that have expired."""
    work = _Purchases(database, provider, families)

    def at_stripe(step: Step) -> Step:
        async def guarded(run: Run) -> None:
            if stripe.NAME in run.providers and not run.dry:
                try:
                    await step(run)
                except (ProviderRejectedError, ProviderUnknownError) as error:
                    run.summary.fail(f"a member's subscription or product could not be updated at Stripe: {error}")

        return guarded

    return Steps(after_checks=(at_stripe(work.end_abandoned), at_stripe(work.rename_products)))


class _Purchases:
    def __init__(self, database: Database, provider: StripeProvider, families: Sequence[Family]) -> None:
        self._database = database
        self._provider = provider
        self._copies = Copies(database, provider.subscriptions, families)

    async def end_abandoned(self, run: Run) -> None:
        """A process may have died between voiding a first invoice and ending its subscription."""
        after = ""
        while True:
            async with self._database.connection() as conn:
                page = await store.abandoned(conn, after, livemode=self._provider.livemode)
            if not page:
                return
            after = page[-1]
            for subscription_id in page:
                await self._end(run, subscription_id)

    async def _end(self, run: Run, subscription_id: str) -> None:
        answer = await self._copies.ask(subscription_id)
        if answer.copy.status == _INCOMPLETE:
            await self._provider.end(subscription_id, Deadline.within(_CALL))
            answer = await self._copies.ask(subscription_id)
        try:
            async with self._database.transaction() as conn:
                await self._copies.keep(conn, answer, actor=_ACTOR)
        except (ForeignError, NotYetError) as error:
            run.summary.explain(f"the subscription {subscription_id} is not copied: {error}")

    async def rename_products(self, _run: Run) -> None:
        """Invoices and the billing portal show the name that Stripe has."""
        async with self._database.connection() as conn:
            names = {f"{PRODUCT_PREFIX}{each.id}": each.name for each in await products.subscriptions(conn)}
        at_stripe = await self._provider.products.names(list(names))
        for product_id, name in at_stripe.items():
            if names[product_id] != name:
                await self._provider.products.keep(product_id, names[product_id], Deadline.within(_CALL))
