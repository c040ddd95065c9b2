"""Reads the overview, and keeps its figures added up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from hingecraft.dashboard.overview import attention, store
from hingecraft.dashboard.overview.cache import FiguresCache
from hingecraft.dashboard.overview.model import Overview, Period, PeriodFigures, added, attempts_of
from hingecraft.dashboard.shared_calls import SharedCalls
from hingecraft.db.connection import Connection, Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.leases.backoff import between
from hingecraft.stats.model import days_between

# Seconds.
_EVERY = 2.0
_AT_ONCE = 5000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Question:
    first: date | None
    last: date | None
    zone: str
    livemode: bool


class OverviewReader:
    """The overview of one pod; `livemode` is the mode that it serves."""

    def __init__(self, database: Database, *, livemode: bool) -> None:
        self._database = database
        self._livemode = livemode
        # Each change that the event stream tells has all open dashboards ask the same.
        self._shared = SharedCalls(self._read)
        self._cache = FiguresCache()

    async def read(self, first: date | None, last: date | None, zone: str, *, livemode: bool | None = None) -> Overview:
        """The figures of these days, or of the last thirty. Raises an InvalidError that names the field."""
        mode = self._livemode if livemode is None else livemode
        return await self._shared.ask(_Question(first=first, last=last, zone=zone, livemode=mode))

    async def _read(self, asked: _Question) -> Overview:
        async with (
            self._database.connection() as conn,
            conn.transaction(isolation="repeatable_read", readonly=True),
        ):
            as_of, stamp = await store.begin(conn)
            today = as_of.astimezone(ZoneInfo(asked.zone)).date()
            period = Period(days=days_between(asked.first, asked.last, today, asked.zone), zone=asked.zone)
            begins = period.begins
            rows = await self._cache.of(conn, period, stamp)
            current = [row for row in rows if period.is_current(row.day)]
            in_mode = [row for row in current if row.livemode is asked.livemode]
            before = [row for row in rows if not period.is_current(row.day)]
            return Overview(
                zone=asked.zone,
                livemode=asked.livemode,
                as_of=as_of,
                current=PeriodFigures(
                    days=period.days,
                    totals=[row for row in added(current) if row.has_money],
                    attempts=attempts_of(in_mode),
                    median_seconds=await store.median_seconds(conn, begins[1], begins[-1], livemode=asked.livemode),
                ),
                before=PeriodFigures(
                    days=period.before,
                    totals=[row for row in added(before) if row.has_money],
                    attempts=attempts_of([row for row in before if row.livemode is asked.livemode]),
                    median_seconds=await store.median_seconds(conn, begins[0], begins[1], livemode=asked.livemode),
                ),
                by_day=[row for row in in_mode if row.has_money],
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
