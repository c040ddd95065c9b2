"""How the last reconciliation ended, for the metrics: a Job is gone before anybody could ask it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.reconcile import store
from hingecraft.reconcile.model import LastRun

_EVERY = 15.0


async def watch(database: Database, show: Callable[[LastRun], None]) -> None:
    """Look now and then, until cancelled."""
    while True:
        await asyncio.sleep(_EVERY)
        try:
            found = await last_run(database)
        except DatabaseUnavailableError:
            continue
        if found is not None:
            show(found)


async def last_run(database: Database) -> LastRun | None:
    """How the newest of them ended."""
    async with database.connection() as conn:
        row = await store.last_run(conn)
    if row is None:
        return None
    summary = json.loads(row["summary"])
    numbers = {name: value for name, value in summary.items() if type(value) is int}
    return LastRun(row["finished_at"], row["succeeded"], numbers, summary["reasons"])
