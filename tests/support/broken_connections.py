"""Breaks a pod's connections after any statement of a transaction, or right after its commit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError
from support.process_deaths import Breakable

WAITING = "SELECT type, error FROM provider_events WHERE processed_at IS NULL"
CLAIMED = "SELECT count(*) FROM provider_events WHERE processed_at IS NULL AND claimed_until > now()"
# The lease of a process that lost its connection ends by itself a minute later.
LEASE_ENDS = """
UPDATE provider_events SET claimed_until = now() - interval '1 second', next_attempt_at = now()
WHERE processed_at IS NULL
"""


class Breaks:
    """Ends the connection after one statement of the pod's transactions, or right after their commit."""

    def __init__(self, database: Database, conn: asyncpg.Connection) -> None:
        self._conn = conn
        self._opened = database.transaction
        self.at, self.moments, self.committed = 0, 0, False
        database.transaction = self._transaction  # type: ignore[method-assign] # counts the statements of this pod

    def begin(self, at: int) -> None:
        self.at, self.moments, self.committed = at, 0, False

    @property
    def over(self) -> bool:
        """Whether the transactions had fewer moments than `at`."""
        return 0 < self.at > self.moments

    def _is_it(self) -> bool:
        self.moments += 1
        return self.moments == self.at

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Any]:
        async with self._opened() as conn:
            yield Breakable(conn, self._after_statement)
        if self._is_it():
            self.committed = True
            raise DatabaseUnavailableError("the answer to COMMIT was lost")

    async def _after_statement(self, conn: Any) -> None:
        if self._is_it():
            assert await self._conn.fetchval("SELECT pg_terminate_backend($1, 20000)", conn.get_server_pid())
