"""The step of refunds in a reconciliation: those that Stripe never answered are asked for again, or looked up."""

from __future__ import annotations

from datetime import timedelta

from hingecraft.db.connection import Database
from hingecraft.identity.principal import Actor
from hingecraft.money.book import CurrencyBook
from hingecraft.payments.refunds import store
from hingecraft.payments.refunds.service import RefundService
from hingecraft.providers import stripe
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderRejectedError, ProviderUnknownError
from hingecraft.providers.stripe.client import StripeProvider
from hingecraft.steps import Run, Steps

ACTOR = Actor(name="reconcile")
_CALL = 20.0
# Longer than a request may take.
_ANSWERED_WITHIN = timedelta(minutes=1)


def refunds_steps(database: Database, provider: StripeProvider) -> Steps:
    """After the events and checkouts."""
    refunds = RefundService(
        database,
        provider.refunds,
        CurrencyBook(database),
        livemode=provider.livemode,
        configured=provider.configured,
    )

    async def finish_refunds(run: Run) -> None:
        if stripe.NAME not in run.providers:
            return
        async with database.connection() as conn:
            waiting = await store.unanswered(conn, _ANSWERED_WITHIN, livemode=provider.livemode)
        for refund in waiting:
            try:
                if not run.dry:
                    await refunds.finish(refund, Deadline.within(_CALL), ACTOR)
            except (ProviderRejectedError, ProviderUnknownError) as error:
                run.summary.fail(f"a refund could not be made at Stripe: {error}")
            else:
                run.summary.refunds_finished += 1

    return Steps(after_checks=(finish_refunds,))
