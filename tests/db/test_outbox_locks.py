"""Endpoints that come and go while their messages are written down: nobody waits for each other in a circle."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from hingecraft.outbox import store
from hingecraft.outbox.model import PAYMENT_EVENTS, Endpoint
from support.lock_waits import until_waiting

SITE = Endpoint(name="site", url="https://www.example.com/x", events=PAYMENT_EVENTS)


async def claimed(conn, endpoints=("site",)):
    async with conn.transaction():
        return await store.claim(conn, PAYMENT_EVENTS, {}, endpoints)


@pytest.fixture
async def message(conn):
    await store.keep_endpoints(conn, [SITE])
    await store.enqueue_many(conn, [("payment.completed", {"paymentId": "1"})])
    (found,) = await claimed(conn)
    return found


@pytest.mark.parametrize("outcome", ["delivered", "failed"])
async def test_an_endpoint_that_is_taken_away_while_its_answer_is_written_down(conn, dsn, message, outcome):
    writer = await asyncpg.connect(dsn.newest)
    watcher = await asyncpg.connect(dsn.newest)

    async def write():
        async with writer.transaction():
            if outcome == "delivered":
                await store.delivered(writer, message, "HTTP 200")
            else:
                await store.failed(writer, message, "HTTP 500", timedelta(seconds=1))

    try:
        async with conn.transaction():
            await conn.execute(store.DROP_ENDPOINTS, [])
            writing = asyncio.create_task(write())
            await until_waiting(watcher)
            await conn.execute(store.BURY_ORPHANS)
        await writing
        state = await conn.fetchval("SELECT state FROM outbox")
        assert state == ("delivered" if outcome == "delivered" else "dead")
    finally:
        await writer.close()
        await watcher.close()


async def test_a_message_waits_while_nobody_has_the_secret_of_its_endpoint(conn):
    await store.keep_endpoints(conn, [SITE])
    await store.enqueue_many(conn, [("payment.completed", {"paymentId": "1"})])
    assert await claimed(conn, ()) == []
    (message,) = await claimed(conn)
    assert message.attempts == 1
