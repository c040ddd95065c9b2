"""The steps of members in a reconciliation: customers that Stripe never answered, and users that are to be deleted."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar
from uuid import UUID

from hingecraft.db.connection import Database
from hingecraft.members.customers import store as customers_store
from hingecraft.members.customers.service import Customers
from hingecraft.members.deletion import store as deletion_store
from hingecraft.members.deletion.service import Deletion
from hingecraft.providers import stripe
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderRejectedError, ProviderUnknownError
from hingecraft.providers.stripe.client import StripeProvider
from hingecraft.steps import Run, Steps

_CALL = 20.0

_Result = TypeVar("_Result")


def members_steps(database: Database, provider: StripeProvider) -> Steps:
    """After the events and checkouts."""
    customers = Customers(database, provider.customers, livemode=provider.livemode)
    deletion = Deletion(database, provider)

    async def finish_customers(run: Run) -> None:
        if stripe.NAME not in run.providers:
            return
        async with database.connection() as conn:
            waiting = await customers_store.unanswered(conn, livemode=provider.livemode)
        for customer in waiting:
            if run.dry or await _answered(run, customers.finish(customer, Deadline.within(_CALL))) is not None:
                run.summary.customers_finished += 1

    async def finish_deletions(run: Run) -> None:
        last: UUID | None = UUID(int=0)
        while last is not None and stripe.NAME in run.providers and not run.dry:
            async with database.connection() as conn:
                waiting = await deletion_store.unfinished(conn, last, livemode=provider.livemode)
            for user_id in waiting:
                finished = await _answered(run, deletion.finish(user_id, Deadline.within(_CALL)))
                run.summary.users_deleted += finished is True
            last = waiting[-1] if waiting else None

    return Steps(after_checks=(finish_customers, finish_deletions))


async def _answered(run: Run, question: Awaitable[_Result]) -> _Result | None:
    """Stripe's answer; None where there is none: the next run asks again, and the others do not wait for it."""
    try:
        return await question
    except (ProviderRejectedError, ProviderUnknownError) as error:
        run.summary.fail(f"a customer could not be made or deleted at Stripe: {error}")
        return None
