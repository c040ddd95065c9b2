"""The inbox handler of customers: Stripe has deleted one, or has one that a restored backup has lost."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hingecraft.db.connection import Connection
from hingecraft.errors import ForeignError
from hingecraft.inbox.handlers import Applied, Handler, Reading, Registration
from hingecraft.inbox.model import Claimed
from hingecraft.members.customers import store
from hingecraft.members.in_use import in_use
from hingecraft.providers import stripe

_CREATED, _DELETED = "customer.created", "customer.deleted"


def registration() -> Registration:
    """A webhook endpoint needs only the deletions: reconciliation reads the others, which name lost customers."""
    return Registration(
        source=stripe.NAME, handler=CustomerEvents(), types=frozenset({_CREATED, _DELETED}), listed_if=in_use
    )


class CustomerEvents(Handler):
    """Stripe is not asked: nothing brings a deleted customer back, and a new one only fills a gap in our rows."""

    def read(self, event: Claimed) -> Reading:
        """The customer."""
        document = event.document
        if document.get("account"):
            raise ForeignError(f"it happened in a connected account ({document['account']})")
        return Reading(content=document)

    async def apply(self, conn: Connection, event: Claimed, reading: Reading) -> Applied:
        """Record what happened to the customer of a user."""
        customer, livemode = reading.content["data"]["object"], bool(reading.content["livemode"])
        if event.type == _CREATED:
            await _restore(conn, customer, livemode=livemode)
        else:
            await _end(conn, str(customer["id"]), livemode=livemode)
        return Applied()


async def _end(conn: Connection, customer_id: str, *, livemode: bool) -> None:
    if await store.owner_of(conn, customer_id, livemode=livemode) is None:
        raise ForeignError("no user here has this customer")
    await store.mark_deleted(conn, customer_id)


async def _restore(conn: Connection, customer: Any, *, livemode: bool) -> None:
    """Rows are written before Stripe is called, so our customers without one were lost."""
    metadata = customer.get("metadata") or {}
    user_id = _uuid(metadata.get("userId"))
    if user_id is None or not await store.is_ours(conn, metadata.get("installation")):
        raise ForeignError("this database did not create the customer")
    await store.lock_user(conn, user_id)
    await store.restore(conn, user_id, str(customer["id"]), customer.get("email"), livemode=livemode)


def _uuid(text: object) -> UUID | None:
    try:
        return UUID(str(text)) if text else None
    except ValueError:
        return None
