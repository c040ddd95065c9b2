"""Exposes the outcome of the last reconciliation as metrics: its Job ends before Prometheus could scrape it."""

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
    """Update the metrics from time to time, until cancelled."""
    while True:
        await asyncio.sleep(_EVERY)
        try:
            found = await last_run(database)
        except DatabaseUnavailableError:
            continue
        if found is not None:
            show(found)


async def last_run(database: Database) -> LastRun | None:
    """The newest run."""
    async with database.connection() as conn:
        row = await store.last_run(conn)
    if row is None:
        return None
    summary = json.loads(row["summary"])
    numbers = {name: value for name, value in summary.items() if type(value) is int}
    return LastRun(row["finished_at"], row["succeeded"], numbers, summary["reasons"])
