"""The inbox handler of subscriptions: asks Stripe for the one that the event names, and copies it."""

from __future__ import annotations

from dataclasses import replace

from hingecraft.db.connection import Connection
from hingecraft.errors import AskFirstError, ForeignError, NotYetError, UnansweredError
from hingecraft.inbox.handlers import Applied, Handler, Reading, Registration
from hingecraft.inbox.model import Claimed
from hingecraft.members.in_use import in_use
from hingecraft.members.subscriptions.model import EVENT_TYPES, mark_of
from hingecraft.members.subscriptions.service import Answer, Copies
from hingecraft.providers import stripe
from hingecraft.providers.port import ProviderRejectedError, ProviderUnknownError


def registration(copies: Copies, *, livemode: bool) -> Registration:
    """Every event about a subscription."""
    handler = SubscriptionEvents(copies, livemode=livemode)
    return Registration(source=stripe.NAME, handler=handler, types=EVENT_TYPES, listed_if=in_use)


class SubscriptionEvents(Handler):
    """The event's own object only says whose it is: Stripe delivers events in any order."""

    def __init__(self, copies: Copies, *, livemode: bool) -> None:
        self._copies = copies
        self._livemode = livemode

    def read(self, event: Claimed) -> Reading:
        """The id of the subscription, if its mode is ours."""
        document = event.document
        if document.get("account"):
            raise ForeignError(f"it happened in a connected account ({document['account']})")
        if bool(document["livemode"]) != self._livemode:
            raise ForeignError(f"it is of {'live' if document['livemode'] else 'test'} mode, and our key is not")
        return Reading(content=str(document["data"]["object"]["id"]), must_ask=True)

    async def ask(self, event: Claimed, reading: Reading) -> Reading:
        """Fetch it, if it is a member's: a key for donations may not read other subscriptions of the account."""
        await self._copies.require_member(mark_of(event.document["data"]["object"]))
        try:
            return replace(reading, content=await self._copies.ask(reading.content))
        except ProviderUnknownError as error:
            raise UnansweredError(str(error)) from error
        except ProviderRejectedError as error:
            raise (UnansweredError if error.code == "provider_busy" else NotYetError)(str(error)) from error

    async def apply(self, conn: Connection, event: Claimed, reading: Reading) -> Applied:
        """Store the copy. Raises AskFirstError where Stripe has not been asked yet."""
        if not isinstance(reading.content, Answer):
            raise AskFirstError("an event does not say how the subscription is now")
        owner = await self._copies.keep(conn, reading.content, actor=event.source, request_id=event.event_id)
        return Applied(payment_id=owner.payment_id)
