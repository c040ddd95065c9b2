"""Watches the queue of jobs: how many wait, run, and have stopped moving, as metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.jobs import store
from hingecraft.jobs.model import Backlog

_EVERY = 15.0


async def watch(database: Database, show: Callable[[Backlog], None]) -> None:
    """Count from time to time, until cancelled."""
    while True:
        await asyncio.sleep(_EVERY)
        try:
            async with database.connection() as conn:
                found = await store.backlog(conn)
        except DatabaseUnavailableError:
            continue
        show(found)
