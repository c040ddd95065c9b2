"""Makes a user's customer at Stripe, once: however many calls race, and wherever a process dies.

Request and key are stored before the call. Everybody who needs the customer sends the same request with the same key
until one has stored the answer, so Stripe makes one. Stripe may forget a key after a day: from then on the customer is
looked for first.
"""

from __future__ import annotations

from uuid import UUID

from hingecraft.db.connection import Database
from hingecraft.identity.errors import NotAuthorizedError
from hingecraft.members.customers import store
from hingecraft.members.customers.model import Customer
from hingecraft.payments.model import REPLAYED_FOR
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ErrorKeptError
from hingecraft.providers.stripe import ports
from hingecraft.providers.stripe.ports import Document

_AGAIN = "_again"


class DeletedUserError(NotAuthorizedError):
    """The user was deleted, so nothing is sold to it any more."""

    def __init__(self) -> None:
        super().__init__("This user has been deleted.")


class Customers:
    """The customers of one mode: that of the key."""

    def __init__(self, database: Database, stripe: ports.Customers, *, livemode: bool) -> None:
        self._database = database
        self._stripe = stripe
        self._livemode = livemode

    async def of(self, user_id: UUID, email: str | None, deadline: Deadline) -> str:
        """The user's customer; made where there is none. Raises the provider's errors."""
        async with self._database.connection() as conn:
            found = await store.current(conn, user_id, livemode=self._livemode)
        if found is None:
            found = await self._begin(user_id, email)
        return found.customer_id or await self.finish(found, deadline)

    async def finish(self, customer: Customer, deadline: Deadline) -> str:
        """Send the request that is stored, and store the answer."""
        assert customer.request is not None, "it is deleted with the user only"
        made = None
        if customer.age > REPLAYED_FOR:
            made = await self._stripe.made_with(customer.request["metadata"], customer.created_at)
        if made is None:
            made = await self._create(customer, customer.request, deadline)
        async with self._database.connection() as conn:
            await store.name(conn, customer, made)
        return made

    async def _create(self, customer: Customer, request: Document, deadline: Deadline) -> str:
        """Under a second key, which follows from the first, where Stripe keeps an error of its own for the first."""
        try:
            return await self._stripe.create(request, customer.idempotency_key, deadline)
        except ErrorKeptError:
            made = await self._stripe.made_with(request["metadata"], customer.created_at)
            return made or await self._stripe.create(request, f"{customer.idempotency_key}{_AGAIN}", deadline)

    async def forget_deleted(self, customer_id: str, deadline: Deadline) -> bool:
        """Whether Stripe has deleted the customer; the next payment of the user then gets a new one.

        Raises ProviderMissingError if the key is of another account: that says nothing about the customer.
        """
        if not await self._stripe.is_deleted(customer_id, deadline):
            return False
        async with self._database.connection() as conn:
            await store.mark_deleted(conn, customer_id)
        return True

    async def delete(self, user_id: UUID, deadline: Deadline) -> None:
        """Delete the customer at Stripe, if there is one; it ends the customer's subscriptions there."""
        async with self._database.connection() as conn:
            found = await store.current(conn, user_id, livemode=self._livemode)
        if found is None:
            return
        # A creation that was never answered may have succeeded: only the answer says which customer is to be deleted.
        customer_id = found.customer_id or await self.finish(found, deadline)
        await self._stripe.delete(customer_id, deadline)
        async with self._database.connection() as conn:
            await store.mark_deleted(conn, customer_id)

    async def _begin(self, user_id: UUID, email: str | None) -> Customer:
        async with self._database.transaction() as conn:
            await store.lock_user(conn, user_id)
            await store.begin(conn, user_id, email, livemode=self._livemode)
            found = await store.current(conn, user_id, livemode=self._livemode)
        if found is None:
            raise DeletedUserError
        return found
