"""Keeps the cache at the newest version: an engine pushes it at once, and the pod polls every few seconds."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import random
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError, InRecoveryError
from hingecraft.money.book import CurrencyBook
from hingecraft.routes import service as routes
from hingecraft.routes.model import Document, RoutesVersion
from hingecraft_api.routes.cache import RoutesCache, Snapshot, encoded, snapshot_of

log = logging.getLogger(__name__)

_POLL_SHORTEST = 2.0
_POLL_LONGEST = 5.0
_FIRST_LOAD_RETRY = 0.5
_LOWEST_PRIORITY = 19


def _yield_to_requests() -> None:
    """Let the event loop have the core whenever it wants it: a pod may have a single one."""
    if sys.platform == "linux":  # elsewhere a thread has no priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LOWEST_PRIORITY)


class RoutesLoader:
    """Loads versions, one at a time for all callers."""

    def __init__(
        self,
        database: Database,
        cache: RoutesCache,
        currencies: CurrencyBook,
        swapped: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._cache = cache
        self._currencies = currencies
        self._swapped = swapped
        self._loading = asyncio.Lock()
        self._encoding: asyncio.Task[None] | None = None
        self._encoder = ThreadPoolExecutor(1, "encoder", initializer=_yield_to_requests)
        # Why nothing can be loaded, if the owner has to correct it.
        self.problem: InRecoveryError | None = None

    async def run(self) -> None:
        """Load the first version as soon as there is one, then poll for newer ones until cancelled."""
        while True:
            try:
                await self.refresh()
                self.problem = None
            except DatabaseUnavailableError as error:
                self.problem = error if isinstance(error, InRecoveryError) else None
                log.warning("still serving routes version %s: %s", self._cache.version or "none", error)
            first = self._cache.current is None
            await asyncio.sleep(
                _FIRST_LOAD_RETRY if first else random.uniform(_POLL_SHORTEST, _POLL_LONGEST)  # noqa: S311 - jitter
            )

    async def refresh(self) -> None:
        """Poll for the newest number, which is one index look-up, and load that version if it is newer."""
        newest, stamp = await routes.newest_number_and_currencies(self._database)
        await self._currencies.refresh(stamp)
        if newest is not None and newest > self._cache.version:
            await self.reach(newest)
        elif self._cache.current is not None:
            self._cache.confirm()

    async def reach(self, version: int) -> int:
        """Serve at least that version if the database has it; returns the version that is served now."""
        if self._cache.version < version:
            async with self._loading:
                if self._cache.version < version:
                    await self._load()
        return self._cache.version

    def take(self, document: Document) -> None:
        """Serve what an engine has pushed, without a query.

        Currencies come before the routes that name them, so a document that was made with others than this pod knows
        is left to Postgres. `confirm` is too: only Postgres can say that nothing is newer.
        """
        if self._currencies.is_at(document.currencies):
            self._serve(document.version)

    async def _load(self) -> None:
        found, stamp = await routes.newest_and_currencies(self._database)
        await self._currencies.refresh(stamp)
        if found is not None and self._serve(found):
            self._cache.confirm()

    def _serve(self, found: RoutesVersion) -> bool:
        """Swap in a version that is newer and matches its checksum."""
        if found.version <= self._cache.version:
            return False
        if hashlib.sha256(found.routes.encode()).hexdigest() != found.checksum:
            log.error("routes version %s does not match its checksum and is not served", found.version)
            return False
        snapshot = snapshot_of(found)
        if not self._cache.swap(snapshot):
            return False
        self._swapped()
        self._prepare(snapshot)
        return True

    def _prepare(self, snapshot: Snapshot) -> None:
        """Start compressing a version. Until that is done it is served uncompressed, so that nobody waits."""
        if self._encoding is None or self._encoding.done():
            self._encoding = asyncio.create_task(self._encode(snapshot))

    async def _encode(self, snapshot: Snapshot) -> None:
        while True:
            ready = await asyncio.get_running_loop().run_in_executor(self._encoder, encoded, snapshot)
            if self._cache.current is snapshot:
                self._cache.swap(ready)
                return
            if self._cache.current is None or self._cache.version == snapshot.version:
                return
            snapshot = self._cache.current

    async def close(self) -> None:
        """Cancel the queries in progress."""
        if self._encoding is not None:
            self._encoding.cancel()
        self._encoder.shutdown(wait=False)
