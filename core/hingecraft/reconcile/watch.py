"""Exposes the outcome of the last reconciliation as metrics: its Job ends before Prometheus could scrape it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from hingecraft.db import clock
from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.reconcile import store
from hingecraft.reconcile.model import LastRun

_EVERY = 15.0


async def watch(database: Database, show: Callable[[LastRun], None], count: Callable[[bool], None]) -> None:
    """Show the last run, and count those that end from now on by whether they succeeded, until cancelled."""
    since: datetime | None = None
    while True:
        with suppress(DatabaseUnavailableError):
            since = await _counted(database, since, count)
            if (found := await last_run(database)) is not None:
                show(found)
        await asyncio.sleep(_EVERY)


async def _counted(database: Database, since: datetime | None, count: Callable[[bool], None]) -> datetime:
    """Count the runs that ended after `since`, at first none; returns the moment from which to go on."""
    async with database.connection() as conn:
        if since is None:
            return await clock.moment(conn)
        ended = await store.runs_after(conn, since)
    for _, succeeded in ended:
        count(succeeded)
    return ended[-1][0] if ended else since


async def last_run(database: Database) -> LastRun | None:
    """The newest run."""
    async with database.connection() as conn:
        row = await store.last_run(conn)
    if row is None:
        return None
    summary = json.loads(row["summary"])
    numbers = {name: value for name, value in summary.items() if type(value) is int}
    return LastRun(row["finished_at"], row["succeeded"], numbers, summary["reasons"])
