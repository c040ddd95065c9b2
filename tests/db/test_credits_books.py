"""Accounts and ledger agree: reconciliation compares them, a killed process loses nothing, a backup is consistent."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest

from hingecraft.credits import store
from hingecraft.credits.steps import credits_steps
from hingecraft.steps import Options, Run, Summary
from support.credits import assert_books_agree, balance_of, entry, give_credits, write
from support.limits import PROGRESS

USER = uuid4()
# Fifty callers that spend one credit after the other; a reference is printed once it is answered.
SPENDER = """
import asyncio, sys
from uuid import UUID
from hingecraft.credits.model import spend
from hingecraft.credits.spending import Spending
from hingecraft.db.connection import Database
from hingecraft.settings import DsnSecret

async def main():
    spending = Spending(Database(DsnSecret(sys.argv[1]), application="spender", largest=4))

    async def caller(name):
        for number in range(100_000):
            written = await spending.spend(spend(UUID(sys.argv[2]), 1, f"{name}-{number}", "test"))
            print(f"{name}-{number} {written.balance}", flush=True)

    await asyncio.gather(*(caller(name) for name in range(50)))

asyncio.run(main())
"""


async def reconcile(database, *, dry_run=False):
    run = Run(options=Options(dry_run=dry_run), summary=Summary(), started=datetime.now(UTC), providers=())
    for step in credits_steps(database).after_checks:
        await step(run)
    return run.summary


async def test_reconciliation_refreshes_the_view_and_finds_no_difference(conn, database):
    for _ in range(3):
        await give_credits(conn, uuid4(), 5)
    summary = await reconcile(database, dry_run=True)
    assert await conn.fetchval("SELECT count(*) FROM credits_balance_mv") == 0, "a dry run changes nothing"
    summary = await reconcile(database)
    assert (summary.credit_differences, summary.reasons) == (0, [])
    assert await conn.fetchval("SELECT sum(balance) FROM credits_balance_mv") == 15


@pytest.mark.parametrize("change", ["balance = balance + 1", "transaction_count = transaction_count + 1"])
async def test_an_account_unlike_its_ledger_is_named(conn, database, change, monkeypatch, caplog):
    """The account may be on any page."""
    monkeypatch.setattr(store, "_ACCOUNTS_AT_ONCE", 2)
    users = sorted(uuid4() for _ in range(7))
    for user in users:
        await give_credits(conn, user, 5)
    await conn.execute(f"UPDATE credit_accounts SET {change} WHERE user_id = ANY ($1)", [users[3], users[6]])
    with caplog.at_level(logging.ERROR):
        summary = await reconcile(database)
    assert summary.credit_differences == 2
    assert [str(users[3]) in caplog.text, str(users[6]) in caplog.text] == [True, True]
    assert len(summary.reasons) == 2
    assert summary.succeeded, "every provider was asked"


async def test_accounts_with_many_rows_are_compared_by_themselves(conn, database, monkeypatch):
    monkeypatch.setattr(store, "_ROWS_AT_ONCE", 3)
    users = sorted([UUID(int=0), *(uuid4() for _ in range(4))])
    for user in users:
        await write(conn, *(entry(user, 1, f"{user}/{n}") for n in range(4)))
    pages = []
    first = UUID(int=0)
    while page := await store.compare(conn, first):
        pages.append(len(page))
        first = UUID(int=page[-1]["user_id"].int + 1)
    assert pages == [1] * 5
    assert (await reconcile(database)).credit_differences == 0


async def test_writes_during_the_comparison_make_no_difference(conn, database, dsn):
    await give_credits(conn, USER, 100_000)
    stop = asyncio.Event()

    async def spend():
        other = await asyncpg.connect(dsn.newest)
        number = 0
        while not stop.is_set():
            number += 1
            await write(other, entry(USER, -1, f"r{number}"))
        await other.close()

    writer = asyncio.create_task(spend())
    for _ in range(30):
        assert (await reconcile(database)).credit_differences == 0
    stop.set()
    await writer


async def test_a_killed_process_loses_nothing_that_it_answered_and_doubles_nothing(conn, dsn):
    await give_credits(conn, USER, 1_000_000)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SPENDER, dsn.newest, str(USER), stdout=asyncio.subprocess.PIPE, env={**os.environ}
    )
    lines = [await asyncio.wait_for(process.stdout.readline(), PROGRESS) for _ in range(500)]
    process.kill()
    lines += (await process.stdout.read()).splitlines(keepends=True)
    await process.wait()
    answered = dict(line.decode().split() for line in lines if line.endswith(b"\n"))
    async with asyncio.timeout(PROGRESS):
        while await conn.fetchval("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'spender'"):
            await asyncio.sleep(0.02)
    assert len(answered) >= 500
    rows = await conn.fetch("SELECT ref, balance_after FROM credits_transactions WHERE delta < 0")
    written = {row["ref"].partition("/")[2]: str(row["balance_after"]) for row in rows}
    assert {ref: written.get(ref) for ref in answered} == answered
    # A caller that got no answer repeats the reference, and what was written is not written again.
    refs = [*sorted(written)[:200], "never-sent"]
    done = await write(conn, *(entry(USER, -1, f"spend:{USER}/{ref}") for ref in refs))
    assert [row["outcome"] for row in done] == ["repeated"] * (len(refs) - 1) + ["written"]
    await assert_books_agree(conn)


async def test_a_restored_backup_is_consistent_and_lost_spends_can_be_repeated(dsn, server):
    conn = await asyncpg.connect(dsn.newest)
    await give_credits(conn, USER, 10)
    await write(conn, entry(USER, -3, "before"))
    await conn.close()
    source, backup = dsn.newest.rpartition("/")[2], f"backup_{uuid4().hex[:12]}"
    admin = await asyncpg.connect(server)
    await admin.execute(f"CREATE DATABASE {backup} TEMPLATE {source} STRATEGY file_copy")
    try:
        conn = await asyncpg.connect(dsn.newest)
        await write(conn, entry(USER, -4, "after"))
        await conn.close()
        restored = await asyncpg.connect(f"{server.rpartition('/')[0]}/{backup}")
        assert await balance_of(restored, USER) == 7
        for outcomes in (["repeated", "written"], ["repeated", "repeated"]):
            done = await write(restored, entry(USER, -3, "before"), entry(USER, -4, "after"))
            assert [row["outcome"] for row in done] == outcomes
        assert await balance_of(restored, USER) == 3
        await assert_books_agree(restored)
        await restored.close()
    finally:
        await admin.execute(f"DROP DATABASE IF EXISTS {backup} WITH (FORCE)")
        await admin.close()


async def test_reading_goes_through_indexes_and_never_through_all_rows(conn):
    await conn.execute(
        "SET session_replication_role = replica;"
        "INSERT INTO credits_transactions (user_id, delta, reason, ref, balance_after) "
        "SELECT lpad(to_hex(n % 300 + 1), 32, '0')::uuid, 1, 'x', 'r' || n, 1 FROM generate_series(1, 30000) n;"
        "INSERT INTO credit_accounts (user_id, balance, transaction_count) "
        "SELECT user_id, sum(delta), count(*) FROM credits_transactions GROUP BY user_id;"
        "RESET session_replication_role; ANALYZE credits_transactions; ANALYZE credit_accounts"
    )
    user = UUID(int=7)
    for sql, arguments in (
        (store.BALANCE, [user]), (store.PAGE, [user, 2**62, 50]), (store.COMPARE, [user, 20, 1_000]),
        ("SELECT id FROM credits_transactions WHERE ref = $1", ["r5"]),
        ("SELECT FROM credits_transactions WHERE stripe_event_id = $1 AND stripe_price_id = $2", ["evt", "price"]),
    ):  # fmt: skip
        plan = await conn.fetchval(f"EXPLAIN (FORMAT json) {sql}", *arguments)
        assert "Seq Scan" not in plan, plan
        assert "Index" in plan or "Bitmap" in plan
    # A user with many rows, all of them old: the newest rows of everybody else are not walked through.
    page = await conn.fetchval(f"EXPLAIN (FORMAT json) {store.PAGE}", user, 2**62, 50)
    assert "credits_transactions_user_idx" in page
