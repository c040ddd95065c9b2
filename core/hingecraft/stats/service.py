"""Reads statistics: of days for admins, and of the last day for metrics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import date, timedelta

from hingecraft.db.connection import Connection, Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.stats import store
from hingecraft.stats.model import USUAL_DAYS, Days, Figures, RecentFigures, Span, days_between

# Seconds.
_EVERY = 60.0


class Statistics:
    """The statistics of members' payments in one mode."""

    def __init__(self, database: Database, *, livemode: bool) -> None:
        self._database = database
        self._livemode = livemode

    async def of_days(self, first: date | None, last: date | None) -> tuple[Days, Figures]:
        """The figures of these days, or of the last thirty. Raises an InvalidError that names the field."""
        async with self._at_one_moment() as conn:
            days = days_between(first, last, await store.today(conn))
            return days, await self._figures(conn, days.span)

    async def recent(self) -> RecentFigures:
        """The figures until now."""
        async with self._at_one_moment() as conn:
            now = await store.now(conn)
            month = Span(start=now - timedelta(days=USUAL_DAYS), end=now)
            return RecentFigures(
                last_day=await self._figures(conn, Span(start=now - timedelta(days=1), end=now)),
                last_month=await store.payments(conn, month, livemode=self._livemode),
            )

    async def watch(self, show: Callable[[RecentFigures], None]) -> None:
        """Show the recent figures every minute, until cancelled."""
        while True:
            with suppress(DatabaseUnavailableError):
                show(await self.recent())
            await asyncio.sleep(_EVERY)

    async def _figures(self, conn: Connection, span: Span) -> Figures:
        return Figures(
            payments=await store.payments(conn, span, livemode=self._livemode),
            webhooks=await store.webhooks(conn, span),
            revenue=await store.revenue(conn, span, livemode=self._livemode),
        )

    @asynccontextmanager
    async def _at_one_moment(self) -> AsyncIterator[Connection]:
        """A transaction whose statements all see the same rows, so that the figures agree."""
        async with (
            self._database.connection() as conn,
            conn.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield conn
