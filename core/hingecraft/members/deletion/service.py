"""Deletes a user. The decision is committed first; what Stripe has to be told may take until it answers."""

from __future__ import annotations

import logging
from uuid import UUID

from hingecraft import audit
from hingecraft.db.connection import Database
from hingecraft.members.customers import store as customers_store
from hingecraft.members.customers.service import Customers
from hingecraft.members.deletion import store
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderRefusedError, ProviderUnknownError

log = logging.getLogger(__name__)


class Deletion:
    """Deletes users of one mode: that of the key."""

    def __init__(self, database: Database, customers: Customers) -> None:
        self._database = database
        self._customers = customers

    async def delete(self, user_id: UUID, deadline: Deadline, *, actor: str, request_id: str) -> bool:
        """Whether all is deleted; False: reconciliation goes on. A repeat goes on too."""
        async with self._database.transaction() as conn:
            await customers_store.lock_user(conn, user_id)
            if await store.begin(conn, user_id):
                await audit.append(conn, actor=actor, action="user_deleted", request_id=request_id, user=str(user_id))
            await store.erase(conn, user_id)
        try:
            return await self.finish(user_id, deadline)
        except (ProviderRefusedError, ProviderUnknownError) as error:
            log.warning("the customer of the deleted user %s is not deleted at Stripe yet: %s", user_id, error)
            return False

    async def finish(self, user_id: UUID, deadline: Deadline) -> bool:
        """Delete the customer at Stripe, which ends its subscriptions; whether nothing is left. Safe to repeat."""
        await self._customers.delete(user_id, deadline)
        async with self._database.transaction() as conn:
            await store.erase(conn, user_id)
            return await store.finish(conn, user_id)
