"""The inbox handlers of Wix's events."""

from __future__ import annotations

from abc import abstractmethod

from hingecraft.db.connection import Connection
from hingecraft.inbox.handlers import Applied, Handler, Reading, Registration
from hingecraft.inbox.model import Claimed
from hingecraft.wix_app.sites import service as sites
from hingecraft.wix_app.webhooks.model import SOURCE, WixEvent, event_in


def registrations() -> list[Registration]:
    """Every event that the app takes."""
    return [
        Registration(source=SOURCE, handler=Installed(), types=frozenset({"AppInstalled"})),
        Registration(source=SOURCE, handler=Removed(), types=frozenset({"AppRemoved"})),
    ]


class _OfSite(Handler):
    """Events of one site are applied one after the other."""

    def read(self, event: Claimed) -> Reading:
        """The event as Wix said it."""
        found = event_in(event.document)
        return Reading(content=found, lock=f"{found.instance_id}")

    async def apply(self, conn: Connection, event: Claimed, reading: Reading) -> Applied:
        """In the transaction that ends the event."""
        await self.take(conn, event, reading.content)
        return Applied()

    @abstractmethod
    async def take(self, conn: Connection, claimed: Claimed, event: WixEvent) -> None:
        """Bring about what the event says."""


class Installed(_OfSite):
    """The app was installed, for the first time or again."""

    async def take(self, conn: Connection, claimed: Claimed, event: WixEvent) -> None:
        """The site exists from now on, if its owner has not called before."""
        await sites.installed(
            conn,
            event.instance_id,
            event.happened_at,
            event.uuid("originInstanceId"),
            actor=SOURCE,
            request_id=claimed.event_id,
        )


class Removed(_OfSite):
    """The app was removed."""

    async def take(self, conn: Connection, claimed: Claimed, event: WixEvent) -> None:
        """The site can do nothing until the app is installed again."""
        await sites.removed(conn, event.instance_id, event.happened_at, actor=SOURCE, request_id=claimed.event_id)
