"""A connection that dies at any statement leaves nothing of a grant, and the next attempt does all of it once."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from hingecraft_sandbox.postgres import free_port
from support.credits import balance_of
from support.members import PACK, PLAN, Member, sell
from support.money import all_processed, becomes
from support.pods import running_pod
from support.purchases import changes
from support.tokens import SETTINGS

# In the order in which a grant needs them; reading needs them too.
TABLES = ("settlements", "credit_prices", "deleted_users", "credit_accounts", "credits_transactions", "payment_audit")
WAITING = """
SELECT l.pid FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE NOT l.granted AND a.application_name LIKE 'hingecraft%' AND a.query ~ $1 LIMIT 1
"""
ANY, MARKING = ".", "SET processed_at"
TOTALS = "SELECT (SELECT count(*) FROM settlements), (SELECT count(*) FROM credits_transactions)"


@pytest.fixture
async def pod(dsn, sandbox):
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    await sandbox.ask("DELETE", "/_sandbox/book")
    await sandbox.tells(address)
    more = {**sandbox.settings, **SETTINGS, "port": port, "public_url": address}
    async with running_pod(dsn, **more) as running:
        yield running
    await sandbox.ask("DELETE", "/_sandbox/book")


@pytest.fixture
async def holder(dsn):
    conn = await asyncpg.connect(dsn.newest)
    yield conn
    await conn.close()


@pytest.fixture
async def second(dsn):
    conn = await asyncpg.connect(dsn.newest)
    yield conn
    await conn.close()


async def waiting(conn, query):
    async with asyncio.timeout(20):
        while (pid := await conn.fetchval(WAITING, query)) is None:
            await asyncio.sleep(0.02)
    return pid


async def broken_at(holder, conn, table, act):
    """The connection that waits for the table dies there."""
    await holder.execute("BEGIN")
    await holder.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
    await act()
    await conn.execute("SELECT pg_terminate_backend($1)", await waiting(conn, ANY))
    await holder.execute("ROLLBACK")


async def broken_at_the_end(holder, second, conn, act):
    """Everything is written, and the connection dies before the event is marked as processed."""
    await holder.execute("BEGIN")
    await holder.execute("LOCK TABLE credits_transactions IN ACCESS EXCLUSIVE MODE")
    await act()
    await waiting(conn, ANY)
    await second.execute("BEGIN")
    await second.execute("SELECT FROM provider_events WHERE processed_at IS NULL FOR UPDATE")
    await holder.execute("ROLLBACK")
    await conn.execute("SELECT pg_terminate_backend($1)", await waiting(conn, MARKING))
    await second.execute("ROLLBACK")


async def buy(pod, sandbox, conn, code):
    member = Member(pod)
    bought = await member.buy((await sell(conn, sandbox, code))[code])
    return member, bought, lambda: sandbox.act(bought["sessionId"], "pay")


@pytest.mark.parametrize(("code", "grant"), [(PACK, 50), (PLAN, 100)])
async def test_a_grant_is_whole_wherever_the_connection_dies(pod, sandbox, conn, holder, second, code, grant):
    for table in (*TABLES, None):
        member, bought, pay = await buy(pod, sandbox, conn, code)
        if table is None:
            await broken_at_the_end(holder, second, conn, pay)
        else:
            await broken_at(holder, conn, table, pay)
        await all_processed(conn)
        await becomes(conn, bought["paymentId"], "completed")
        assert [delta for delta, _ in await changes(conn, member.id)] == [grant], table
    number = len(TABLES) + 1
    assert tuple(await conn.fetchrow(TOTALS)) == (number, number)


async def test_taking_back_is_whole_wherever_the_connection_dies(pod, sandbox, conn, holder, second):
    for table in ("settlements", "credits_transactions", "payment_audit", None):
        member, bought, pay = await buy(pod, sandbox, conn, PACK)
        await pay()
        await becomes(conn, bought["paymentId"], "completed")
        await all_processed(conn)

        async def refund(session=bought["sessionId"]):
            await sandbox.act(session, "refund")

        if table is None:
            await broken_at_the_end(holder, second, conn, refund)
        else:
            await broken_at(holder, conn, table, refund)
        await becomes(conn, bought["paymentId"], "refunded")
        await all_processed(conn)
        assert [delta for delta, _ in await changes(conn, member.id)] == [50, -50], table


@pytest.mark.parametrize("act", ["timeout_before", "timeout_after", "status_before", "status_after"])
async def test_a_call_that_fails_is_made_again(pod, sandbox, conn, act):
    member, bought, pay = await buy(pod, sandbox, conn, PLAN)
    more = {"status": 500} if act.startswith("status") else {"seconds": 1}
    await sandbox.fault(act, provider="stripe", method="GET", path="invoices/", times=2, **more)
    await pay()
    await all_processed(conn)
    await becomes(conn, bought["paymentId"], "completed")
    assert await balance_of(conn, member.id) == 100
    assert len(await changes(conn, member.id)) == 1
