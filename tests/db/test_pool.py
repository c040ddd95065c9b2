"""Connections that stay at hand after a use: what they may never do is keep others waiting, or carry anything over."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import asyncpg
import pytest

from hingecraft.db import pool
from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError
from support.limits import PROGRESS

pytestmark = pytest.mark.usefixtures("patient")

PROCESS = "SELECT pg_backend_pid()"
ALIVE = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1"


@pytest.fixture
async def single(dsn):
    """A database with one connection for everybody."""
    database = Database(dsn, application="test", largest=1)
    yield database
    await database.close()


async def _process(database: Database) -> int:
    async with database.connection() as conn:
        return await conn.fetchval(PROCESS)


async def _until_gone(conn: asyncpg.Connection, process: int) -> None:
    async with asyncio.timeout(PROGRESS):
        while await conn.fetchval(ALIVE, process):
            await asyncio.sleep(0.01)


async def test_the_next_use_gets_the_same_connection(database):
    assert await _process(database) == await _process(database)


async def test_nobody_waits_while_a_connection_is_at_hand(single, monkeypatch):
    """Each of them waits for the only connection, which the one before must not keep at hand."""
    monkeypatch.setattr(pool, "_AT_HAND_FOR", 2 * PROGRESS)
    turns = asyncio.gather(*(_process(single) for _ in range(20)))
    async with asyncio.timeout(PROGRESS):
        assert len(set(await turns)) == 1


async def test_a_connection_that_ended_while_at_hand_is_replaced(single, conn):
    async with single.connection() as mine:
        first = await mine.fetchval(PROCESS)
    await conn.execute("SELECT pg_terminate_backend($1)", first)
    async with asyncio.timeout(PROGRESS):
        while pool._is_open(mine):
            await asyncio.sleep(0)
        assert await _process(single) != first


async def test_a_transaction_that_was_left_open_is_rolled_back(single, conn):
    await conn.execute("CREATE TABLE kept (number int)")
    async with single.connection() as mine:
        await mine.execute("BEGIN")
        await mine.execute("INSERT INTO kept VALUES (1)")
    async with single.connection() as mine:
        assert not mine.is_in_transaction()
    assert await conn.fetchval("SELECT count(*) FROM kept") == 0


async def test_after_a_cancelled_statement_the_next_use_works(single):
    async def sleep() -> None:
        async with single.connection() as mine:
            started.set()
            await mine.execute("SELECT pg_sleep(60)")

    started = asyncio.Event()
    sleeping = asyncio.create_task(sleep())
    await started.wait()
    sleeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sleeping
    assert (await single.pool()).at_hand() is None
    async with asyncio.timeout(PROGRESS):
        assert await _process(single)


async def test_a_cancelled_begin_that_the_use_outlives_carries_nothing_over(single, conn):
    """Else the next transaction would be a savepoint in the cancelled one, and never be committed."""
    await conn.execute("CREATE TABLE kept (number int)")
    async with single.connection() as mine:
        with suppress(TimeoutError):
            async with asyncio.timeout(0), mine.transaction():
                pass
    async with single.transaction() as mine:
        await mine.execute("INSERT INTO kept VALUES (1)")
    assert await conn.fetchval("SELECT count(*) FROM kept") == 1


async def test_a_transaction_that_a_statement_has_ended_carries_nothing_over(single):
    """The driver would take the next one for a savepoint in it, of which Postgres knows nothing."""
    async with single.connection() as mine:
        await mine.transaction().start()
        await mine.execute("ROLLBACK")
    async with single.transaction() as mine:
        assert await mine.fetchval("SELECT 1") == 1


async def test_a_statement_that_took_too_long_does_not_go_on_in_postgres(single, conn):
    """Each would hold a connection of the server's beyond the limit, for as long as it runs."""
    process = await _process(single)
    with pytest.raises(DatabaseUnavailableError, match="TimeoutError"):
        async with single.connection() as mine:
            await mine.execute("SELECT pg_sleep(600)", timeout=0.1)
    assert not await conn.fetchval("SELECT state = 'active' FROM pg_stat_activity WHERE pid = $1", process)
    assert await _process(single) == process


async def test_what_has_been_at_hand_goes_back_to_the_driver(single, monkeypatch):
    """The driver closes connections that are idle, and those that have been used often."""
    monkeypatch.setattr(pool, "_AT_HAND_FOR", 0.0)
    await _process(single)
    opened = await single.pool()
    async with asyncio.timeout(PROGRESS):
        while opened._pool.get_idle_size() == 0:
            await asyncio.sleep(0)
    assert opened.at_hand() is None


async def test_closing_ends_what_is_at_hand(single, conn, monkeypatch):
    """At once, and not when the time for what is still used has passed."""
    for limit in ("ACQUIRE_TIMEOUT", "_AT_HAND_FOR"):
        monkeypatch.setattr(pool, limit, 2 * PROGRESS)
    process = await _process(single)
    async with asyncio.timeout(PROGRESS):
        await single.close()
    await _until_gone(conn, process)
