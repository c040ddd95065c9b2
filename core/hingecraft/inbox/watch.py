"""Watches the inbox: its backlog as metrics, an error in the log after an hour, and the end after thirty days."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from hingecraft.db.connection import Connection, Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.inbox import store
from hingecraft.inbox.model import GIVEN_UP_AFTER, OVERDUE
from hingecraft.inbox.store import Backlog

log = logging.getLogger(__name__)

_EVERY = 15.0


async def watch(database: Database, show: Callable[[Backlog], None]) -> None:
    """Check from time to time, until cancelled."""
    while True:
        await asyncio.sleep(_EVERY)
        try:
            async with database.connection() as conn:
                given_up = await store.give_up(conn)
                found = await store.backlog(conn)
        except DatabaseUnavailableError:
            continue
        show(found)
        if given_up:
            first = given_up[0]
            log.error(
                "gave up on %d events after %d days, including %s of %s (%s): check what they were about",
                len(given_up), GIVEN_UP_AFTER.days, first["event_id"], first["source"], first["because"],
            )  # fmt: skip
        if found.oldest > OVERDUE.total_seconds():
            log.error(
                "%s events are waiting in the inbox, the oldest for %d minutes", found.waiting, found.oldest // 60
            )


async def keep_retrying(
    database: Database, retry_known: Callable[[Connection], Awaitable[int]], show: Callable[[int], None]
) -> None:
    """Retry events that wait for one of our rows, and show how many still do, until cancelled.

    What waits is processed within a minute after the row exists.
    """
    while True:
        try:
            async with database.connection() as conn:
                show(await retry_known(conn))
        except DatabaseUnavailableError:
            pass
        await asyncio.sleep(_EVERY)
