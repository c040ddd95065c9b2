"""The inbox handlers of Wix's events. Each site's events are applied under a lock of their own, in any order."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from uuid import UUID

from hingecraft.db.connection import Connection
from hingecraft.errors import AskFirstError
from hingecraft.inbox.handlers import Applied, Handler, Reading, Registration
from hingecraft.inbox.model import Claimed
from hingecraft.wix_app.plans import service as plans
from hingecraft.wix_app.plans.model import Fact, Kind
from hingecraft.wix_app.plans.seen import PlansAtWix, Seen
from hingecraft.wix_app.sites import service as sites
from hingecraft.wix_app.webhooks.facts import INVOICE_TYPE, PLAN_TYPES, invoice_fact, plan_fact
from hingecraft.wix_app.webhooks.model import SOURCE, WixEvent, event_in


def registrations(asking: PlansAtWix) -> list[Registration]:
    """Every event that the app takes."""
    handlers: dict[frozenset[str], Handler] = {
        frozenset({"AppInstalled"}): Installed(),
        frozenset({"AppRemoved"}): Removed(),
        PLAN_TYPES: PlanEvents(),
        frozenset({INVOICE_TYPE}): Invoices(asking),
    }
    return [Registration(source=SOURCE, handler=handler, types=types) for types, handler in handlers.items()]


class _OfSite(Handler):
    """Takes the events of some types."""

    def read(self, event: Claimed) -> Reading:
        """The event as Wix said it."""
        found = event_in(event.document)
        return Reading(content=found, lock=str(found.instance_id))

    async def apply(self, conn: Connection, event: Claimed, reading: Reading) -> Applied:
        """In the transaction that ends the event."""
        await self.take(conn, event.event_id, reading.content)
        return Applied()

    @abstractmethod
    async def take(self, conn: Connection, event_id: str, event: WixEvent) -> None:
        """Bring about what the event says."""


class Installed(_OfSite):
    """The app was installed, for the first time or again."""

    async def take(self, conn: Connection, event_id: str, event: WixEvent) -> None:
        """The site exists from now on, if its owner has not called before."""
        origin = event.uuid("originInstanceId")
        await sites.installed(conn, event.instance_id, event.happened_at, origin, actor=SOURCE, request_id=event_id)


class Removed(_OfSite):
    """The app was removed."""

    async def take(self, conn: Connection, event_id: str, event: WixEvent) -> None:
        """The site can do nothing until the app is installed again."""
        await sites.removed(conn, event.instance_id, event.happened_at, actor=SOURCE, request_id=event_id)


class PlanEvents(_OfSite):
    """A plan was bought, changed, cancelled or taken up again."""

    async def take(self, conn: Connection, event_id: str, event: WixEvent) -> None:
        """Derive the plan again. Raises UnknownProductError, so that the event waits."""
        fact = plan_fact(event, event_id)
        await plans.take(conn, event.instance_id, [fact], actor=SOURCE, request_id=event_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Invoice:
    instance_id: UUID
    fact: Fact
    seen: Seen | None = None


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
        seen = await self._asking.seen(invoice.instance_id)
        return replace(reading, content=replace(invoice, seen=seen), must_ask=False)

    async def apply(self, conn: Connection, event: Claimed, reading: Reading) -> Applied:
        """In the transaction that ends the event. Raises AskFirstError where Wix has not been asked yet."""
        if reading.must_ask:
            raise AskFirstError("an event of an invoice does not say which period it has paid")
        invoice: _Invoice = reading.content
        site, seen = invoice.instance_id, invoice.seen
        facts = [invoice.fact] if seen is None else [invoice.fact, seen.fact]
        await plans.take(conn, site, facts, actor=SOURCE, request_id=event.event_id)
        if seen is not None:
            await plans.checked(conn, site, seen.at, seen.owner_email)
        return Applied()
