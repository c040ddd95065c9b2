from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

import pytest
import uvloop

from hingecraft.db import connection, pool
from hingecraft.db.connection import Database, connect
from hingecraft.errors import ConnectionEndedError, DatabaseUnavailableError
from hingecraft.settings import DsnSecret
from support.limits import PROGRESS
from support.processes import Proxy

SLEEPS = "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = $1"


async def _options(dsn) -> tuple[int, int]:
    connection: Any = await connect(dsn, application="test")
    live = connection._transport.get_extra_info("socket")
    with socket.socket(fileno=os.dup(live.fileno())) as same:
        found = (
            same.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE),
            same.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE),
        )
    await connection.close()
    return found


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
async def test_the_kernel_watches_the_peer_on_either_loop(dsn, new_loop):
    def in_a_loop_of_its_own() -> tuple[int, int]:
        with asyncio.Runner(loop_factory=new_loop) as runner:
            return runner.run(_options(dsn))

    assert await asyncio.to_thread(in_a_loop_of_its_own) == (1, 5)


class Rotating(DsnSecret):
    """Signals when it is called."""

    asked = 0

    @property
    def newest(self) -> str:
        self.asked += 1
        return super().newest


async def test_each_new_connection_reads_the_dsn_again(dsn):
    """So a rotated password is taken up without a restart."""
    rotating = Rotating(dsn.newest)
    database = Database(rotating, application="test", largest=2)
    async with database.connection():
        once = rotating.asked
        async with database.connection():
            assert rotating.asked == once + 1
    await database.close()


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(
    ("statement", "said"),
    [("SELECT pg_sleep(60)", "ConnectionDoesNotExistError"), (None, r"the connection has ended \(.+\)")],
)
async def test_a_connection_that_ends_in_a_transaction_says_why_and_keeps_nothing(database, conn, statement, said):
    """In the middle of a statement, and between two."""
    await conn.execute("CREATE TABLE kept (number int)")
    process, ended = asyncio.get_running_loop().create_future(), asyncio.Event()

    async def work() -> None:
        async with database.transaction() as mine:
            await mine.execute("INSERT INTO kept VALUES (1)")
            mine.add_termination_listener(lambda _: ended.set())
            process.set_result(mine.get_server_pid())
            if statement is None:
                await ended.wait()
            await mine.execute(statement or "SELECT 1")

    working = asyncio.create_task(work())
    pid = await process
    async with asyncio.timeout(PROGRESS):
        while statement and not await conn.fetchval(SLEEPS, pid):
            await asyncio.sleep(0.01)
    await conn.execute("SELECT pg_terminate_backend($1)", pid)
    with pytest.raises(ConnectionEndedError, match=f"^Postgres is unavailable: {said}$"):
        await working
    assert await conn.fetchval("SELECT count(*) FROM kept") == 0


async def test_a_task_that_is_cancelled_while_postgres_swallows_everything_ends(dsn, monkeypatch):
    """The rollback gets no answer either: that it fails must not be all that the task hears."""
    monkeypatch.setattr(connection, "STATEMENT_TIMEOUT", 0.3)
    port = dsn.newest.rpartition("@")[2].partition("/")[0].partition(":")[2]
    async with Proxy(int(port)).running() as proxy:
        database = Database(DsnSecret(dsn.newest.replace(f":{port}/", f":{proxy.port}/")), application="test")
        asked = asyncio.Event()

        async def ask_for_ever() -> None:
            while True:
                try:
                    async with database.transaction() as conn:
                        proxy.swallow()
                        monkeypatch.setattr(pool, "ACQUIRE_TIMEOUT", 0.1)
                        asked.set()
                        await conn.execute("SELECT 1", timeout=60)
                except DatabaseUnavailableError:
                    continue

        task = asyncio.create_task(ask_for_ever())
        await asked.wait()
        task.cancel()
        await asyncio.wait([task], timeout=PROGRESS)
        assert task.cancelled()
        await database.close()
