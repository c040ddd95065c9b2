"""Deletes a user. The decision is committed first; what Stripe has to be told may take until it answers."""

from __future__ import annotations

import logging
from contextlib import suppress
from uuid import UUID

from hingecraft import audit
from hingecraft.db.connection import Connection, Database
from hingecraft.members.customers import store as customers_store
from hingecraft.members.customers.service import Customers
from hingecraft.members.deletion import store
from hingecraft.members.subscriptions import store as subscriptions_store
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderMissingError, ProviderRejectedError, ProviderUnknownError
from hingecraft.providers.stripe.client import StripeProvider

log = logging.getLogger(__name__)


class Deletion:
    """Deletes users of one mode: that of the key."""

    def __init__(self, database: Database, stripe: StripeProvider) -> None:
        self._database = database
        self._stripe = stripe
        self._customers = Customers(database, stripe.customers, livemode=stripe.livemode)

    async def delete(self, user_id: UUID, deadline: Deadline, *, actor: str, request_id: str) -> bool:
        """Whether everything is deleted. If not, reconciliation or a repeat of this call finishes it."""
        async with self._database.transaction() as conn:
            await customers_store.lock_user(conn, user_id)
            if await store.begin(conn, user_id):
                await audit.append(conn, actor=actor, action="user_deleted", request_id=request_id, user=str(user_id))
            await store.erase(conn, user_id, livemode=self._stripe.livemode)
        try:
            return await self.finish(user_id, deadline)
        except (ProviderRejectedError, ProviderUnknownError) as error:
            log.warning("the customer of the deleted user %s is not deleted at Stripe yet: %s", user_id, error)
            return False

    async def finish(self, user_id: UUID, deadline: Deadline) -> bool:
        """End what could still be paid, and delete the customer with its subscriptions; whether nothing is left.

        This key cannot delete customers of the other mode: they are logged once, and deleted by a run with its key.
        """
        async with self._database.connection() as conn:
            checkouts = await store.open_checkouts(conn, user_id, livemode=self._stripe.livemode)
            others = await subscriptions_store.customers_of(conn, user_id, livemode=self._stripe.livemode)
        for checkout_id in checkouts:
            # What Stripe does not have cannot be paid.
            with suppress(ProviderMissingError):
                await self._stripe.end(checkout_id, deadline)
        await self._customers.delete(user_id, deadline)
        # After a restored backup a subscription may be known, and not the customer that pays for it.
        for customer_id in others:
            await self._stripe.customers.delete(customer_id, deadline)
        async with self._database.transaction() as conn:
            await store.erase(conn, user_id, livemode=self._stripe.livemode)
            # A checkout that has opened meanwhile is ended by the next run.
            if await store.finish(conn, user_id, checkouts, livemode=self._stripe.livemode):
                await self._report_customers_left(conn, user_id)
            return await store.is_finished(conn, user_id)

    async def _report_customers_left(self, conn: Connection, user_id: UUID) -> None:
        left = await store.of_other_mode(conn, user_id, livemode=self._stripe.livemode)
        mode = "test" if self._stripe.livemode else "live"
        for customer in left:
            log.warning(
                "the %s customer %s of the deleted user %s was not deleted at Stripe, because STRIPE_SECRET is not a "
                "%s key. Delete it in Stripe's dashboard, or run hingecraft reconcile with a %s key",
                mode, customer, user_id, mode, mode,
            )  # fmt: skip
            await audit.append(
                conn, actor="members", action="customer_left", request_id=None, user=str(user_id), customer=customer,
                mode=mode,
            )  # fmt: skip
