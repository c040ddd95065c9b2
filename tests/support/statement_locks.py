"""Stops a process at one statement after the other, from outside, by locking the table that the statement needs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from support.kill_places import Wait

Until = Callable[[Callable[[], Awaitable[object]]], Awaitable[object]]
QUEUED = """
SELECT true FROM pg_locks WHERE pid = $1 AND relation = $2::text::regclass AND mode = 'ExclusiveLock'
"""
HELD = """
SELECT true FROM pg_locks JOIN pg_stat_activity a USING (pid)
WHERE relation = $1::text::regclass AND NOT granted AND a.application_name LIKE 'hingecraft%' LIMIT 1
"""
WAITING = """
SELECT true FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.relation = $1::text::regclass AND NOT l.granted AND a.application_name LIKE 'hingecraft%' AND a.query ~ $2
  AND ($3::text IS NULL OR EXISTS (
      SELECT FROM pg_locks w
      WHERE w.pid = l.pid AND w.relation = $3::text::regclass AND w.mode = 'RowExclusiveLock' AND w.granted))
LIMIT 1
"""


class Holding:
    """Two connections that take turns at holding the lock."""

    def __init__(self, conn: asyncpg.Connection, holders: Sequence[asyncpg.Connection], until: Until) -> None:
        self._conn = conn
        self._holder, self._next = holders
        self._until = until

    async def at(self, waits: Sequence[Wait], begin: Callable[[], Awaitable[None]]) -> None:
        """Start the call, and hold it at the last of the waits."""
        first, *following = waits
        await self._lock(self._holder, first.table)
        await begin()
        await self._until(lambda: self._waits(first))
        for each in following:
            await self._go_on_to(each)

    async def release(self) -> None:
        for each in (self._holder, self._next):
            if each.is_in_transaction():
                await each.execute("ROLLBACK")

    async def _go_on_to(self, wait: Wait) -> None:
        """Let others pass: a statement asks for its locks twice, to be prepared and to be run."""
        while not await self._waits(wait):
            await self._let_pass(wait)
            await self._until(lambda: self._conn.fetchval(HELD, wait.table))

    async def _let_pass(self, wait: Wait) -> None:
        """Lock behind what waits now, and before what comes next: locks are a queue."""
        locking = asyncio.create_task(self._lock(self._next, wait.table))
        pid = self._next.get_server_pid()
        await self._until(lambda: self._conn.fetchval(QUEUED, pid, wait.table))
        if not await self._waits(wait):
            await self._holder.execute("ROLLBACK")
            await locking
            self._holder, self._next = self._next, self._holder
            return
        locking.cancel()
        await asyncio.gather(locking, return_exceptions=True)
        await self._next.execute("ROLLBACK")

    async def _lock(self, holder: asyncpg.Connection, table: str) -> None:
        await holder.execute("BEGIN")
        await holder.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")

    async def _waits(self, wait: Wait) -> bool:
        return bool(await self._conn.fetchval(WAITING, wait.table, wait.statement, wait.written))
