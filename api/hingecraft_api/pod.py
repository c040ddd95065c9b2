"""The pod: shared by all its handlers, with the parts that features add. Built once, reached through a typed key."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from aiohttp import web

from hingecraft.db.connection import Database
from hingecraft.inbox.service import Inbox
from hingecraft.inbox.worker import Worker
from hingecraft.money.book import CurrencyBook
from hingecraft.observability.metrics import ApiMetrics
from hingecraft.payments.books import Books
from hingecraft.providers.registry import Providers
from hingecraft_api.access.rejected_calls import RejectedCalls
from hingecraft_api.messages.negotiation import Negotiation
from hingecraft_api.routes.cache import RoutesCache
from hingecraft_api.routes.loader import RoutesLoader
from hingecraft_api.settings import ApiSettings

if TYPE_CHECKING:
    from hingecraft.identity.tokens import Tokens
    from hingecraft.wix_app.callers import WixCallers
    from hingecraft.wix_app.client.client import WixClient
    from hingecraft_api.access.shared_limit import SharedLimit


_Part = TypeVar("_Part")


@runtime_checkable
class Closing(Protocol):
    """A part that has to be closed, because it holds connections."""

    async def close(self) -> None:
        """Called once, when the pod ends."""
        ...


class Parts:
    """The objects that features share with their handlers, one of each type."""

    def __init__(self) -> None:
        self._parts: dict[type[object], object] = {}

    def add(self, part: object) -> None:
        """Raises ValueError where there is one of this type."""
        if type(part) in self._parts:
            raise ValueError(f"two features add a {type(part).__name__}")
        self._parts[type(part)] = part

    def __getitem__(self, kind: type[_Part]) -> _Part:
        """Raises KeyError where no feature has added one."""
        part = self._parts[kind]
        assert isinstance(part, kind)
        return part

    async def close(self) -> None:
        """The last one first, since a part may use those of earlier features."""
        for part in reversed(self._parts.values()):
            if isinstance(part, Closing):
                await part.close()


@dataclass(slots=True, kw_only=True)
class Pod:
    """The objects that all features of one process share."""

    settings: ApiSettings
    database: Database
    cache: RoutesCache
    loader: RoutesLoader
    metrics: ApiMetrics
    rejected_calls: RejectedCalls
    shared_limit: SharedLimit | None
    # None: this backend takes no JWTs.
    tokens: Tokens | None
    # None: this backend does not serve the Wix app; the same of the next one.
    wix_client: WixClient | None
    wix_callers: WixCallers | None
    currencies: CurrencyBook
    books: Books
    providers: Providers
    parts: Parts = field(default_factory=Parts)
    # Set once all features have said which events they take.
    inbox: Inbox = field(init=False)
    worker: Worker = field(init=False)
    negotiation: Negotiation = field(default_factory=Negotiation)
    draining: asyncio.Event = field(default_factory=asyncio.Event)

    async def close(self) -> None:
        """Close everything that is connected."""
        await self.parts.close()
        await self.loader.close()
        await self.providers.close()
        if self.tokens is not None:
            await self.tokens.close()
        if self.wix_client is not None:
            await self.wix_client.close()
        await self.database.close()
        if self.shared_limit is not None:
            await self.shared_limit.close()

    @property
    def livemode(self) -> bool:
        """Whether donations are real: as Stripe's key says, else NOWPayments' address; a pod with wallets only is."""
        for provider in (self.providers.stripe, self.providers.nowpayments):
            if provider.configured:
                return provider.livemode
        return True

    @property
    def ready(self) -> bool:
        """A version is loaded and the pod is not on its way out."""
        return self.cache.current is not None and not self.draining.is_set()


POD: web.AppKey[Pod] = web.AppKey("pod", Pod)
