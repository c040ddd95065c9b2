"""A user has one credit plan: before another is sold, what is running and what could still be paid is looked at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hingecraft.credits.model import PURPOSE
from hingecraft.db.connection import Connection, Database
from hingecraft.errors import ConflictError
from hingecraft.members.subscriptions.store import customers_of
from hingecraft.payments.model import Status
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderRejectedError
from hingecraft.providers.stripe.client import StripeProvider
from hingecraft.providers.stripe.ports import Document

_UNFINISHED = frozenset({Status.CREATING, Status.UNKNOWN})
_CUSTOMER = "customer"
# Stripe's statuses of a subscription that is not over.
RUNNING = frozenset({"incomplete", "trialing", "active", "past_due", "unpaid", "paused"})
OPEN = """
SELECT p.id AS payment_id, p.status, e.provider_id, e.request::text AS request
FROM payments p JOIN external_payments e ON e.payment_id = p.id
WHERE p.user_id = $1 AND p.livemode = $2 AND p.purpose = $3 AND e.kind = 'single'
  AND e.status IN ('creating', 'unknown', 'pending') AND e.request ->> 'mode' = 'subscription'
ORDER BY p.created_at
"""
OURS = "SELECT EXISTS (SELECT FROM credit_prices WHERE price_id = ANY ($1::text[]))"
# What makes one checkout differ from another of the same plan.
_OWN = ("expires_at", "metadata", "subscription_data")


class AlreadySubscribedError(ConflictError):
    """The user has a plan, or may be paying for one right now."""

    def __init__(self, sentence: str = "You have a plan already. Change it in the billing portal.") -> None:
        super().__init__("already_subscribed", sentence)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPlan:
    """A plan's checkout that may still be paid."""

    payment_id: UUID
    status: Status
    session_id: str | None
    request: Mapping[str, Any]

    def is_for(self, request: Mapping[str, Any]) -> bool:
        """Whether it sells the same to the same customer, and returns to the same addresses."""
        return _terms(self.request) == _terms(request)


def _terms(request: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in request.items() if name not in _OWN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The state of earlier checkouts: one is open with the same terms, or all have ended."""

    same: UUID | None = None
    # The payments whose checkouts cannot be paid any more.
    ended: frozenset[UUID] = frozenset()


class OnePlan:
    """Sees to it that nobody pays for a second plan.

    An earlier checkout that is still open is ended at Stripe first. Then nothing can start a subscription any more, and
    Stripe is asked which ones run: events about them may still be on their way.
    """

    def __init__(self, database: Database, stripe: StripeProvider) -> None:
        self._database = database
        self._stripe = stripe

    async def make_way(self, user_id: UUID, request: Mapping[str, Any], deadline: Deadline) -> Way:
        """Raises AlreadySubscribedError, and the provider's errors."""
        async with self._database.connection() as conn:
            earlier = await open_plans(conn, user_id, livemode=self._stripe.livemode)
        for each in earlier:
            if each.session_id is None or each.status in _UNFINISHED:
                raise being_opened()
            if each.is_for(request) and await self.is_open(each.session_id):
                return Way(same=each.payment_id)
            if not await self._stripe.sessions.expire(each.session_id, deadline):
                raise AlreadySubscribedError
        await self._require_none_running(user_id, str(request[_CUSTOMER]))
        return Way(ended=frozenset(each.payment_id for each in earlier))

    async def require_no_other(self, conn: Connection, user_id: UUID, way: Way) -> None:
        """Under the user's lock: raises AlreadySubscribedError if another checkout was begun meanwhile."""
        earlier = await open_plans(conn, user_id, livemode=self._stripe.livemode)
        if any(each.payment_id not in way.ended for each in earlier):
            raise being_opened()

    async def is_open(self, session_id: str) -> bool:
        """Whether the session can still be paid."""
        return bool((await self._stripe.sessions.retrieve(session_id))["status"] == "open")

    async def _require_none_running(self, user_id: UUID, customer_id: str) -> None:
        async with self._database.connection() as conn:
            if await customers_of(conn, user_id, livemode=self._stripe.livemode, purpose=PURPOSE):
                raise AlreadySubscribedError
        try:
            running = await self._stripe.customers.subscriptions_of(customer_id)
        except ProviderRejectedError as error:
            if error.missing != _CUSTOMER:
                raise
            return  # a deleted customer has none
        async with self._database.connection() as conn:
            if any([await is_plan(conn, each) for each in running]):
                raise AlreadySubscribedError


def being_opened() -> AlreadySubscribedError:
    """Another request of the same user is on its way."""
    return AlreadySubscribedError("A checkout of a plan is being opened for you already. Try again in a minute.")


async def open_plans(conn: Connection, user_id: UUID, *, livemode: bool) -> list[OpenPlan]:
    """The plans' checkouts of a user that may still be paid."""
    return [
        OpenPlan(
            payment_id=row["payment_id"],
            status=Status(row["status"]),
            session_id=row["provider_id"],
            request=json.loads(row["request"]),
        )
        for row in await conn.fetch(OPEN, user_id, livemode, PURPOSE)
    ]


async def is_plan(conn: Connection, subscription: Document) -> bool:
    """Whether a subscription that runs at Stripe is one of our plans."""
    if subscription["status"] not in RUNNING:
        return False
    if (subscription.get("metadata") or {}).get("purpose") == PURPOSE:
        return True
    return bool(await conn.fetchval(OURS, _prices_of(subscription)))


def _prices_of(subscription: Document) -> Sequence[str]:
    return [str(item["price"]["id"]) for item in subscription["items"]["data"]]
