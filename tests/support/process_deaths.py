"""Simulates the death of a process after any statement, and before or after any call to Stripe."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from hingecraft.db.connection import Database
from hingecraft.providers.stripe.account import StripeAccount

STATEMENTS = frozenset({"execute", "executemany", "fetch", "fetchrow", "fetchval"})
# Called with the connection.
Around = Callable[[Any], Awaitable[None]]


class DiedError(BaseException):
    """The process has died: nothing of it runs any more, not even its cleanup."""


class Breakable:
    """A connection that calls `before` and `after` around each statement."""

    def __init__(self, conn: Any, after: Around, before: Around | None = None) -> None:
        self._conn, self._after, self._before = conn, after, before

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._conn, name)
        return self._counted(found) if name in STATEMENTS else found

    def _counted(self, statement: Any) -> Any:
        async def run(*arguments: Any, **named: Any) -> Any:
            if self._before is not None:
                await self._before(self._conn)
            answer = await statement(*arguments, **named)
            await self._after(self._conn)
            return answer

        return run


class Life:
    """Counts the moments at which a process can die, and lets it die at one of them; 0 means never."""

    def __init__(self, ends_at: int) -> None:
        self._ends_at = ends_at
        self._died = asyncio.Event()
        self._moments = 0

    def through(self, database: Database) -> None:
        """After each statement and each commit: what was committed stays."""
        database.connection = self._connections(database.connection)  # type: ignore[method-assign] # counts the steps of this process
        database.transaction = self._transactions(database.transaction)  # type: ignore[method-assign] # counts the steps of this process

    def calling(self, account: StripeAccount) -> None:
        """Before and after each call: what Stripe has done stays."""
        call = account.call

        async def dying(*arguments: Any) -> Any:
            self._moment()
            answer = await call(*arguments)
            self._moment()
            return answer

        account.call = dying  # type: ignore[method-assign, assignment] # counts the steps of this process

    async def lives_through(self, work: Awaitable[Any]) -> bool:
        """Whether the work was completed; False if the process died, in this task or another."""
        working, dying = asyncio.ensure_future(work), asyncio.ensure_future(self._died.wait())
        await asyncio.wait({working, dying}, return_when=asyncio.FIRST_COMPLETED)
        dying.cancel()
        if not self._died.is_set():
            working.result()
            return True
        working.cancel()
        await asyncio.wait({working})
        return False

    def _moment(self) -> None:
        self._still()
        self._moments += 1
        if self._moments == self._ends_at:
            self._died.set()
            raise DiedError

    def _still(self) -> None:
        """A process that has died runs no cleanup."""
        if self._died.is_set():
            raise DiedError

    def _connections(self, opened: Any) -> Any:
        async def after(_conn: Any) -> None:
            self._moment()

        async def before(_conn: Any) -> None:
            self._still()

        @asynccontextmanager
        async def connection() -> AsyncIterator[Any]:
            async with opened() as conn:
                yield Breakable(conn, after, before)

        return connection

    def _transactions(self, opened: Any) -> Any:
        @asynccontextmanager
        async def transaction() -> AsyncIterator[Any]:
            async with opened() as conn:
                yield conn
            self._moment()

        return transaction
