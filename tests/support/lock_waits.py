"""Waits for locks in a test's own database; other tests work on the same server."""

from __future__ import annotations

import asyncio

import asyncpg

from support.limits import PROGRESS

# In a transaction, the first look would show the processes of that moment again and again.
_NOW = "SELECT pg_stat_clear_snapshot()"
_WAITING = """
SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' ORDER BY pid
"""


async def waiting(conn: asyncpg.Connection) -> list[int]:
    """The processes that wait for a lock."""
    await conn.execute(_NOW)
    return [row["pid"] for row in await conn.fetch(_WAITING)]


async def until_waiting(conn: asyncpg.Connection, number: int = 1) -> list[int]:
    """Wait until so many processes wait for a lock."""
    async with asyncio.timeout(PROGRESS):
        while len(found := await waiting(conn)) < number:
            await asyncio.sleep(0.01)
    return found
