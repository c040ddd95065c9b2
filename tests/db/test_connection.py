from __future__ import annotations

import asyncio
import os
import socket
from typing import Any

import pytest
import uvloop

from hingecraft.db.connection import Database, connect
from hingecraft.settings import DsnSecret


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
    """Says when it is asked."""

    asked = 0

    @property
    def newest(self) -> str:
        self.asked += 1
        return super().newest


async def test_each_new_connection_reads_the_dsn_anew(dsn):
    """So a rotated password is taken up without a restart."""
    rotating = Rotating(dsn.newest)
    pool = Database(rotating, application="test", largest=2)
    async with pool.connection():
        once = rotating.asked
        async with pool.connection():
            assert rotating.asked == once + 1
    await pool.close()
