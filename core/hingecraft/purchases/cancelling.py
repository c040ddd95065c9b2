"""Ends a running subscription at the end of what is paid."""

from __future__ import annotations

import logging
from uuid import UUID

from hingecraft.db import clock
from hingecraft.db.connection import Database
from hingecraft.members.subscriptions.model import copy_of
from hingecraft.members.subscriptions.service import Answer, Copies
from hingecraft.payments.model import ProviderFailedError
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderRejectedError, ProviderUnknownError
from hingecraft.providers.stripe import ports
from hingecraft.purchases.model import NotASubscriptionError, Purchase
from hingecraft.purchases.service import PurchaseReader

log = logging.getLogger(__name__)


class Cancelling:
    """The subscriptions of one pod."""

    def __init__(
        self, database: Database, stripe: ports.Subscriptions, copies: Copies, purchases: PurchaseReader
    ) -> None:
        self._database = database
        self._stripe = stripe
        self._copies = copies
        self._purchases = purchases

    async def cancel(
        self, purchase_id: UUID, user_id: UUID | None, deadline: Deadline, *, actor: str, request_id: str
    ) -> Purchase:
        """The purchase, which is not renewed. A repeat changes nothing, nor does one of a subscription that is over."""
        found = await self._purchases.one(purchase_id, user_id)
        if found.subscription_id is None:
            raise NotASubscriptionError
        if found.cancels:
            return found
        try:
            await self._end(found.subscription_id, deadline, actor, request_id)
        except (ProviderRejectedError, ProviderUnknownError) as error:
            log.warning("the subscription %s was not cancelled: %s", found.subscription_id, error)
            raise ProviderFailedError(
                "provider_unavailable", "The payment provider cannot be reached right now. Try again in a minute."
            ) from error
        return await self._purchases.one(purchase_id, user_id)

    async def _end(self, subscription_id: str, deadline: Deadline, actor: str, request_id: str) -> None:
        async with self._database.connection() as conn:
            asked_at = await clock.moment(conn)
        answer = await self._stripe.cancel_at_period_end(subscription_id, deadline)
        async with self._database.transaction() as conn:
            await self._copies.keep(
                conn, Answer(copy=copy_of(answer), asked_at=asked_at), actor=actor, request_id=request_id
            )
