"""What the handlers of one pod share; built once by the command, reached through a typed key."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from hingecraft.db.connection import Database
from hingecraft.donations.checkouts import Checkouts
from hingecraft.inbox.service import Inbox
from hingecraft.inbox.worker import Worker
from hingecraft.money.book import CurrencyBook
from hingecraft.observability.metrics import ApiMetrics
from hingecraft.payments.books import Books
from hingecraft.payments.returning import Returning
from hingecraft.providers.registry import Providers
from hingecraft.reconcile.checker import Checker
from hingecraft_api.access.refusals import Refusals
from hingecraft_api.messages.negotiation import Negotiation
from hingecraft_api.routes.cache import RoutesCache
from hingecraft_api.routes.loader import RoutesLoader
from hingecraft_api.settings import ApiSettings

if TYPE_CHECKING:
    from hingecraft_api.access.shared_limit import SharedLimit


@dataclass(slots=True, kw_only=True)
class Pod:
    """One process's parts."""

    settings: ApiSettings
    database: Database
    cache: RoutesCache
    loader: RoutesLoader
    metrics: ApiMetrics
    refusals: Refusals
    shared_limit: SharedLimit | None
    currencies: CurrencyBook
    books: Books
    providers: Providers
    checkouts: Checkouts
    inbox: Inbox
    worker: Worker
    recoverer: Checker
    returning: Returning
    negotiation: Negotiation = field(default_factory=Negotiation)
    draining: asyncio.Event = field(default_factory=asyncio.Event)

    async def close(self) -> None:
        """Let go of everything that is connected."""
        await self.loader.close()
        await self.providers.close()
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
