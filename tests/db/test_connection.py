from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

import pytest
import uvloop

from hingecraft.db import connection
from hingecraft.db.connection import Database, connect
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.settings import DsnSecret
from support.processes import Proxy


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
    pool = Database(rotating, application="test", largest=2)
    async with pool.connection():
        once = rotating.asked
        async with pool.connection():
            assert rotating.asked == once + 1
    await pool.close()


async def test_a_task_that_is_cancelled_while_postgres_swallows_everything_ends(dsn, monkeypatch):
    """The rollback gets no answer either: that it fails must not be all that the task hears."""
    monkeypatch.setattr(connection, "STATEMENT_TIMEOUT", 0.3)
    monkeypatch.setattr(connection, "_ACQUIRE_TIMEOUT", 0.1)
    port = dsn.newest.rpartition("@")[2].partition("/")[0].partition(":")[2]
    async with Proxy(int(port)).running() as proxy:
        database = Database(DsnSecret(dsn.newest.replace(f":{port}/", f":{proxy.port}/")), application="test")
        asked = asyncio.Event()

        async def ask_for_ever() -> None:
            while True:
                try:
                    async with database.transaction() as conn:
                        proxy.swallow()
                        asked.set()
                        await conn.execute("SELECT 1", timeout=60)
                except DatabaseUnavailableError:
                    continue

        task = asyncio.create_task(ask_for_ever())
        await asked.wait()
        task.cancel()
        await asyncio.wait([task], timeout=10)
        assert task.cancelled()
        await database.close()
