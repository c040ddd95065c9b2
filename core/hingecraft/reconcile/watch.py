"""How the last reconciliation ended, for the metrics: a Job is gone before anybody could ask it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.reconcile import store

_EVERY = 15.0


@dataclass(frozen=True, slots=True)
class LastRun:
    """When it ended, whether everything could be asked, and its numbers."""

    finished_at: float
    succeeded: bool
    numbers: Mapping[str, int]


async def watch(database: Database, show: Callable[[LastRun], None]) -> None:
    """Look now and then, until cancelled."""
    while True:
        await asyncio.sleep(_EVERY)
        try:
            async with database.connection() as conn:
                row = await store.last_run(conn)
        except DatabaseUnavailableError:
            continue
        if row is not None:
            summary = json.loads(row["summary"])
            numbers = {name: value for name, value in summary.items() if type(value) is int}
            show(LastRun(row["finished_at"], row["succeeded"], numbers))
