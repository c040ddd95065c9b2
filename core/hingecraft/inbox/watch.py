"""How much waits in the inbox, for the metrics, and aloud when it has waited for an hour."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.inbox import store
from hingecraft.inbox.model import OVERDUE
from hingecraft.inbox.store import Backlog

log = logging.getLogger(__name__)

_EVERY = 15.0


async def watch(database: Database, show: Callable[[Backlog], None]) -> None:
    """Look now and then, until cancelled."""
    while True:
        await asyncio.sleep(_EVERY)
        try:
            async with database.connection() as conn:
                found = await store.backlog(conn)
        except DatabaseUnavailableError:
            continue
        show(found)
        if found.oldest > OVERDUE.total_seconds():
            log.error("%s events wait in the inbox, one of them for %d minutes", found.waiting, found.oldest // 60)
