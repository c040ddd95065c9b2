"""The driver's pool, with the connections that were used last at hand.

To take a connection from the driver's pool and to give it back takes as much processor time as a short query.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, TypeAlias

import asyncpg

from hingecraft.db.failures import UNREACHABLE

Pooled: TypeAlias = asyncpg.pool.PoolConnectionProxy

ACQUIRE_TIMEOUT = 3.0
# Then what is at hand goes back, so that the driver can close what has been idle, or been used long enough.
_AT_HAND_FOR = 1.0


class Pool:
    """Connections for one use after the other."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._at_hand: list[Pooled] = []
        # Those who need a connection that is not at hand.
        self._waiting = 0
        self._closing = False
        self._timer: asyncio.TimerHandle | None = None
        self._returning: set[asyncio.Task[None]] = set()

    def at_hand(self) -> Pooled | None:
        """A connection that can be used at once, if there is one."""
        while self._at_hand:
            conn = self._at_hand.pop()
            if _is_open(conn):
                return conn
            self._return(conn)
        return None

    async def acquire(self) -> Pooled:
        """A connection of the driver's pool."""
        self._waiting += 1
        try:
            return await self._pool.acquire(timeout=ACQUIRE_TIMEOUT)
        finally:
            self._waiting -= 1

    def keep(self, conn: Pooled) -> bool:
        """Have the connection at hand for the next use; if not, it must be released."""
        if self._waiting or self._closing or not _is_open(conn) or _is_unfinished(conn):
            return False
        self._at_hand.append(conn)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_AT_HAND_FOR, self._return_all)
        return True

    async def release(self, conn: Pooled) -> None:
        """Give a connection back to the driver, which waits until a cancelled statement has ended."""
        with suppress(*UNREACHABLE):  # a dead socket never says that it has
            await self._pool.release(conn, timeout=ACQUIRE_TIMEOUT)

    async def close(self) -> None:
        """Close every connection; waits for running statements for a moment only."""
        self._closing = True
        self._return_all()
        try:
            async with asyncio.timeout(ACQUIRE_TIMEOUT):
                await self._pool.close()
        except UNREACHABLE:
            self._pool.terminate()

    def _return_all(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._at_hand:
            self._return(self._at_hand.pop())

    def _return(self, conn: Pooled) -> None:
        task = asyncio.get_running_loop().create_task(self.release(conn))
        self._returning.add(task)
        task.add_done_callback(self._returning.discard)


def _is_open(conn: Pooled) -> bool:
    try:
        return not conn.is_closed()
    except asyncpg.InterfaceError:  # the driver has taken it back, since it has ended
        return False


def _is_unfinished(conn: Pooled) -> bool:
    """Whether a transaction is open for Postgres or for the driver, or a cancelled statement may have begun one.

    asyncpg has no public way to know the last two.
    """
    if conn.is_in_transaction():
        return True
    driver: Any = conn
    return driver._top_xact is not None or bool(driver._protocol._is_cancelling())  # noqa: SLF001
