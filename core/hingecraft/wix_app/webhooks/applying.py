"""The inbox handlers of Wix's events. Each site's events are applied under a lock of their own, in any order."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from uuid import UUID

from hingecraft.db.connection import Connection
from hingecraft.errors import AskFirstError, ForeignError
from hingecraft.inbox.handlers import Applied, Handler, Reading, Registration
from hingecraft.inbox.model import Claimed
from hingecraft.wix_app.plans import service as plans
from hingecraft.wix_app.plans.model import Fact, Kind
from hingecraft.wix_app.plans.plans_at_wix import Answer, PlansAtWix, Presence
from hingecraft.wix_app.sites import service as sites
from hingecraft.wix_app.webhooks.facts import INVOICE_TYPE, PLAN_TYPES, invoice_fact, plan_fact
from hingecraft.wix_app.webhooks.model import SOURCE, WixEvent, event_in


def registrations(asking: PlansAtWix) -> list[Registration]:
    """Every event that the app takes."""
    handlers: dict[frozenset[str], Handler] = {
        frozenset({"AppInstalled"}): Installed(asking),
        frozenset({"AppRemoved"}): Removed(asking),
        PLAN_TYPES: PlanEvents(),
        frozenset({INVOICE_TYPE}): Invoices(asking),
    }
    return [Registration(source=SOURCE, handler=handler, types=types) for types, handler in handlers.items()]


@dataclass(frozen=True, slots=True, kw_only=True)
class _PresenceEvent:
    event: WixEvent
    presence: Presence | None = None


class _PresenceEvents(Handler):
    """Takes events that say whether a site has the app.

    Their only time is that of signing, also where they are sent again: Wix is asked about one that contradicts what is
    known (decision 86).
    """

    def __init__(self, asking: PlansAtWix) -> None:
        self._asking = asking

    def read(self, event: Claimed) -> Reading:
        """The event as Wix said it."""
        found = event_in(event.document)
        return Reading(content=_PresenceEvent(event=found), lock=str(found.instance_id))

    async def ask(self, _event: Claimed, reading: Reading) -> Reading:
        """Ask Wix whether the site has the app."""
        found: _PresenceEvent = reading.content
        return replace(reading, content=replace(found, presence=await self._asking.presence(found.event.instance_id)))

    async def apply(self, conn: Connection, event: Claimed, reading: Reading) -> Applied:
        """In the transaction that ends the event. Raises AskFirstError for a contradiction."""
        found: _PresenceEvent = reading.content
        await self.take(conn, event.event_id, found.event, found.presence)
        return Applied()

    @abstractmethod
    async def take(self, conn: Connection, event_id: str, event: WixEvent, presence: Presence | None) -> None:
        """Bring about what the event says, or what Wix has answered about it."""


class Installed(_PresenceEvents):
    """The app was installed, for the first time or again."""

    async def take(self, conn: Connection, event_id: str, event: WixEvent, presence: Presence | None) -> None:
        """The site exists from now on, if its owner has not called before."""
        site, at = event.instance_id, event.happened_at
        if presence is None and await sites.is_removed(conn, site, at):
            raise AskFirstError("the app was removed, and an installation that is sent again has a later time")
        if presence is not None and not presence.has_app:
            raise ForeignError("the app was removed after this installation")
        happened_at = max(at, presence.at) if presence is not None else at
        origin = event.uuid("originInstanceId")
        await sites.installed(conn, site, happened_at, origin, actor=SOURCE, request_id=event_id)


class Removed(_PresenceEvents):
    """The app was removed."""

    async def take(self, conn: Connection, event_id: str, event: WixEvent, presence: Presence | None) -> None:
        """The site can do nothing until the app is installed again."""
        site, at = event.instance_id, event.happened_at
        if presence is None and await sites.is_installed_since(conn, site, at):
            raise AskFirstError("the app is installed since a later time, perhaps that of an event that was sent again")
        if presence is not None and presence.has_app:
            raise ForeignError("the app was installed again after this removal")
        happened_at = max(at, presence.at) if presence is not None else at
        await sites.removed(conn, site, happened_at, actor=SOURCE, request_id=event_id)


class PlanEvents(Handler):
    """A plan was bought, changed, cancelled or taken up again."""

    def read(self, event: Claimed) -> Reading:
        """The event as Wix said it."""
        found = event_in(event.document)
        return Reading(content=found, lock=str(found.instance_id))

    async def apply(self, conn: Connection, event: Claimed, reading: Reading) -> Applied:
        """Derive the plan again, in the transaction that ends the event.

        Raises UnknownProductError, so that the event waits.
        """
        found: WixEvent = reading.content
        fact = plan_fact(found, event.event_id)
        await plans.take(conn, found.instance_id, [fact], actor=SOURCE, request_id=event.event_id)
        return Applied()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Invoice:
    instance_id: UUID
    fact: Fact
    answer: Answer | None = None


class Invoices(Handler):
    """An invoice was paid, or its money went back. A paid one may be a renewal, of which Wix tells no more."""

    def __init__(self, asking: PlansAtWix) -> None:
        self._asking = asking

    def read(self, event: Claimed) -> Reading:
        """The fact in the event, and whether Wix has to be asked about the new period."""
        found = event_in(event.document)
        fact = invoice_fact(found, event.event_id)
        must_ask = fact.kind is Kind.PAID
        return Reading(
            content=_Invoice(instance_id=found.instance_id, fact=fact),
            lock=None if must_ask else str(found.instance_id),
            must_ask=must_ask,
        )

    async def ask(self, _event: Claimed, reading: Reading) -> Reading:
        """Ask Wix for the plan that the invoice has paid."""
        invoice: _Invoice = reading.content
        answer = await self._asking.ask_for_event(invoice.instance_id)
        return replace(reading, content=replace(invoice, answer=answer), must_ask=False)

    async def apply(self, conn: Connection, event: Claimed, reading: Reading) -> Applied:
        """In the transaction that ends the event. Raises AskFirstError where Wix has not been asked yet."""
        if reading.must_ask:
            raise AskFirstError("an event of an invoice does not say which period it has paid")
        invoice: _Invoice = reading.content
        site, answer = invoice.instance_id, invoice.answer
        facts = [invoice.fact] if answer is None else [invoice.fact, answer.fact]
        await plans.take(conn, site, facts, actor=SOURCE, request_id=event.event_id)
        if answer is not None:
            await plans.checked(conn, site, answer.at, answer.owner_email)
        return Applied()
