"""Reads the overview, and keeps its figures added up."""

from __future__ import annotations

import asyncio
from datetime import date
from zoneinfo import ZoneInfo

from hingecraft.dashboard.overview import attention, store
from hingecraft.dashboard.overview.model import Overview, Period, PeriodFigures, added, attempts_of
from hingecraft.db.connection import Connection, Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.leases.backoff import between
from hingecraft.stats.model import days_between

# Seconds.
_EVERY = 2.0
_AT_ONCE = 5000


class OverviewReader:
    """The overview of one pod; `livemode` is the mode that it serves."""

    def __init__(self, database: Database, *, livemode: bool) -> None:
        self._database = database
        self._livemode = livemode

    async def read(self, first: date | None, last: date | None, zone: str, *, livemode: bool | None = None) -> Overview:
        """The figures of these days, or of the last thirty. Raises an InvalidError that names the field."""
        mode = self._livemode if livemode is None else livemode
        async with (
            self._database.connection() as conn,
            conn.transaction(isolation="repeatable_read", readonly=True),
        ):
            as_of = await store.begin(conn)
            today = as_of.astimezone(ZoneInfo(zone)).date()
            period = Period(days=days_between(first, last, today, zone), zone=zone)
            rows = await store.figures(conn, period.before.first, period.midnights)
            current = [row for row in rows if period.is_current(row.day)]
            before = [row for row in rows if not period.is_current(row.day)]
            middle = period.midnights[len(period.midnights) // 2]
            return Overview(
                zone=zone,
                livemode=mode,
                as_of=as_of,
                current=PeriodFigures(
                    days=period.days,
                    totals=[row for row in added(current) if row.has_money],
                    attempts=attempts_of([row for row in current if row.livemode is mode]),
                    median_seconds=await store.median_seconds(conn, middle, period.midnights[-1], livemode=mode),
                ),
                before=PeriodFigures(
                    days=period.before,
                    totals=[row for row in added(before) if row.has_money],
                    attempts=attempts_of([row for row in before if row.livemode is mode]),
                    median_seconds=await store.median_seconds(conn, period.midnights[0], middle, livemode=mode),
                ),
                by_day=[row for row in current if row.livemode is mode and row.has_money],
                attention=await attention.read(conn),
            )


async def keep_folded(database: Database) -> None:
    """Add changes to the figures from time to time, until cancelled. One process does it at a time."""
    while True:
        try:
            while await _folded(database) == _AT_ONCE:
                pass
        except DatabaseUnavailableError:
            pass  # what is not added yet is read where it is
        await asyncio.sleep(between(_EVERY / 2, _EVERY))


async def _folded(database: Database) -> int:
    async with database.transaction() as conn:
        return await store.fold(conn, _AT_ONCE)


async def fold_all(conn: Connection) -> None:
    """Add every change to the figures at once."""
    while await store.fold(conn, _AT_ONCE):
        pass
