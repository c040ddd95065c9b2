"""Copies subscriptions from Stripe. Events only say which one to ask for, so their order does not matter."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from hingecraft import audit
from hingecraft.db import clock
from hingecraft.db.connection import Connection, Database
from hingecraft.errors import ForeignError, NotYetError
from hingecraft.members.customers import store as customers
from hingecraft.members.subscriptions import store
from hingecraft.members.subscriptions.model import Copy, Mark, copy_of
from hingecraft.members.subscriptions.store import Owner
from hingecraft.providers.stripe import ports

log = logging.getLogger(__name__)

_OF_NO_MEMBER = "it is a subscription of no member"


class Family(Protocol):
    """A system that sells subscriptions.

    A user may have one running subscription per product if the system's payments name products, else one in all.
    """

    @property
    def purpose(self) -> str:
        """The purpose of its payments."""
        ...

    async def sells(self, conn: Connection, names: Collection[str]) -> bool:
        """Whether one of these prices and products is, or was, its own."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Stripe's answer, and when it was asked by the database's clock."""

    copy: Copy
    asked_at: datetime


class Copies:
    """The subscriptions of one mode: that of the key."""

    def __init__(self, database: Database, stripe: ports.Subscriptions, families: Sequence[Family]) -> None:
        self._database = database
        self._stripe = stripe
        self._families = families

    async def ask(self, subscription_id: str) -> Answer:
        """Stripe's current answer, holding no connection meanwhile. Raises the provider's errors."""
        async with self._database.connection() as conn:
            asked_at = await clock.moment(conn)
        return Answer(copy=copy_of(await self._stripe.retrieve(subscription_id)), asked_at=asked_at)

    async def require_member(self, mark: Mark) -> None:
        """Raises ForeignError if no member here has its customer, so that Stripe is not asked about it."""
        async with self._database.connection() as conn:
            if await customers.owner_of(conn, mark.customer_id, livemode=mark.livemode) is not None:
                return
            if await store.is_ours(conn, mark.installation):
                return
            payment_id = _uuid(mark.payment_id)
            if payment_id is None or await store.payment(conn, payment_id, livemode=mark.livemode) is None:
                raise ForeignError(_OF_NO_MEMBER)

    async def keep(self, conn: Connection, answer: Answer, *, actor: str, request_id: str | None = None) -> Owner:
        """Store it, with a row in the audit log if it was cancelled. Raises ForeignError if no member here has it."""
        copy = answer.copy
        owner = await self._owner(conn, copy)
        await customers.lock_user(conn, owner.user_id)
        if await store.keep(conn, copy, owner, answer.asked_at):
            await audit.append(
                conn, actor=actor, action="subscription_cancelled", request_id=request_id, payment_id=owner.payment_id,
                subscription=copy.id, user=str(owner.user_id),
            )  # fmt: skip
        running = await store.running_of(conn, owner, livemode=copy.livemode) if copy.running else []
        if len(running) > 1:
            log.error(
                "user %s has more than one running subscription for %s: %s. Cancel and refund all but one at Stripe",
                owner.user_id, owner.purpose, ", ".join(running),
            )  # fmt: skip
        return owner

    async def _owner(self, conn: Connection, copy: Copy) -> Owner:
        """The payment whose checkout made it decides, else the customer; metadata only finds the payment."""
        of_customer = await customers.owner_of(conn, copy.customer_id, livemode=copy.livemode)
        payment_id = _uuid(copy.payment_id)
        found = await store.payment(conn, payment_id, livemode=copy.livemode) if payment_id else None
        if found is not None and of_customer in {None, found[1]}:
            return Owner(user_id=found[1], purpose=found[0], payment_id=payment_id)
        if of_customer is None:
            if await store.is_ours(conn, copy.installation):
                raise NotYetError(f"the customer {copy.customer_id} of this subscription is not known here yet")
            raise ForeignError(_OF_NO_MEMBER)
        for family in self._families:
            if await family.sells(conn, (*copy.prices, *([copy.product_id] if copy.product_id else []))):
                return Owner(user_id=of_customer, purpose=family.purpose, payment_id=None)
        raise ForeignError("it is a subscription to nothing that is sold here")


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None
