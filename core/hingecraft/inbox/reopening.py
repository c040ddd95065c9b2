"""Processes again what a release before ignored, since it had no handler for the type."""

from __future__ import annotations

import asyncio
import logging

from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.inbox import store
from hingecraft.inbox.handlers import Handlers, not_taken

log = logging.getLogger(__name__)

# Seconds. Pods of the release before should be gone by then: they would ignore the events a second time.
_FIRST = 300.0
_EVERY = 3600.0
_AT_ONCE = 1000


async def reopen_taken(database: Database, handlers: Handlers) -> int:
    """Open some of the events whose type is taken by name now; answers how many that were."""
    opened = 0
    async with database.transaction() as conn:
        for source in handlers.sources:
            reasons = [not_taken(kind) for kind in sorted(handlers.types(source))]
            opened += await store.reopen(conn, source, reasons, _AT_ONCE)
    if opened:
        log.info("processing %d events again that had no handler before", opened)
    return opened


async def keep_reopening(database: Database, handlers: Handlers) -> None:
    """Reopen events at intervals, until cancelled."""
    pause = _FIRST
    while True:
        await asyncio.sleep(pause)
        try:
            more = await reopen_taken(database, handlers) >= _AT_ONCE
        except DatabaseUnavailableError:
            more = True
        pause = _FIRST if more else _EVERY
