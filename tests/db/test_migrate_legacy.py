from __future__ import annotations

import asyncio
import os
import signal
import sys
from uuid import uuid4

import pytest

from hingecraft.db.connection import connect
from hingecraft.migrations.command import bring_up_to_date
from hingecraft.migrations.runner import LEDGER
from support.legacy_database import OLD_SOFTWARE_CHECKS_OUT, OLD_SOFTWARE_PAYS, OldSoftware, make_legacy
from support.limits import PROGRESS

ROWS = 500_000  # payments, and as many checkouts: a million rows
# The locks that the transaction of each page has when it records how far it is.
NOTE_LOCKS = f"""
{LEDGER};
CREATE TABLE locks_of_pages (relation text, mode text);
CREATE FUNCTION note_locks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO locks_of_pages
    SELECT DISTINCT relation::regclass::text, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation';
    RETURN NULL;
END
$$;
CREATE TRIGGER note_locks AFTER UPDATE OF batch_cursor ON schema_migrations
FOR EACH ROW WHEN (NEW.batch_cursor IS NOT NULL) EXECUTE FUNCTION note_locks();
"""
# Of whole tables: others do not keep writers waiting.
OF_WHOLE_TABLES = """
SELECT DISTINCT relation, mode FROM locks_of_pages
WHERE mode IN ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
"""


@pytest.fixture
async def legacy(empty_dsn):
    connection = await connect(empty_dsn, application="test", statement_timeout=None)
    yield connection
    await connection.close()


async def test_old_rows_come_into_the_new_shape(empty_dsn, legacy):
    await make_legacy(legacy, 400)
    await bring_up_to_date(empty_dsn, "hingecraft_app")
    statuses = dict(await legacy.fetch("SELECT legacy_status, status FROM payments GROUP BY 1, 2"))
    assert statuses == {
        "paid": "completed", "Completed": "completed", "FINISHED": "completed", "succeeded": "completed",
        "pending": "pending", "weird state": "expired", "cancelled": "expired", None: "expired",
    }  # fmt: skip
    links = dict(
        await legacy.fetch(
            "SELECT provider_payload::text, provider_url FROM external_payments GROUP BY 1, 2 ORDER BY 1"
        )
    )
    assert links == {
        None: None,
        "null": None,
        "{}": None,
        '"just text"': None,
        '"{broken"': None,
        '{"invoice_url": 7}': None,
        '[1, {"payment_url": "https://pay.example/arr"}]': "https://pay.example/arr",
        '{"invoice_url": "https://pay.example/inv"}': "https://pay.example/inv",
        '{"deep": {"er": {"checkout_url": "https://pay.example/deep"}}}': "https://pay.example/deep",
        '"{\\"invoice_url\\": \\"https://pay.example/text\\"}"': "https://pay.example/text",
    }
    assert await legacy.fetchval("SELECT array_agg(DISTINCT kind) FROM external_payments") == ["legacy"]
    assert set(await legacy.fetchval("SELECT array_agg(DISTINCT provider) FROM external_payments")) == {
        "nowpayments", "stripe", "other",
    }  # fmt: skip
    assert await legacy.fetchval("SELECT count(*) FROM payments WHERE provider_url IS NOT NULL") == 160
    btc = await legacy.fetchval("SELECT routes -> 'BTC' -> 'wallet' ->> 'address' FROM payment_routes")
    assert btc == "new-address"


async def test_the_old_software_goes_on_writing(empty_dsn, legacy):
    await make_legacy(legacy, 4)
    await bring_up_to_date(empty_dsn, "hingecraft_app")
    payment = uuid4()
    await legacy.execute(OLD_SOFTWARE_PAYS, payment)
    await legacy.execute(OLD_SOFTWARE_CHECKS_OUT, payment)
    await legacy.execute("UPDATE payments SET status = 'REFUNDED' WHERE id = $1", payment)
    row = await legacy.fetchrow("SELECT status, legacy_status FROM payments WHERE id = $1", payment)
    assert tuple(row) == ("refunded", "REFUNDED")
    row = await legacy.fetchrow(
        "SELECT kind, provider, status, provider_url FROM external_payments WHERE payment_id = $1", payment
    )
    assert tuple(row) == ("legacy", "nowpayments", "pending", "https://pay.example/live")


async def migrate_process(dsn: str, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hingecraft", "migrate", *arguments,
        env={**os.environ, "DATABASE_URL": dsn},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip


async def lines_until(process: asyncio.subprocess.Process, word: str) -> list[str]:
    assert process.stdout is not None
    seen: list[str] = []
    async for line in process.stdout:
        seen.append(line.decode().strip())
        if word in seen[-1]:
            break
    return seen


@pytest.mark.newest_postgres
@pytest.mark.timeout(600)
async def test_a_million_rows_are_taken_over_while_the_old_software_writes_and_the_migration_is_killed(
    empty_dsn, legacy
):
    await make_legacy(legacy, ROWS)
    await legacy.execute("ANALYZE payments, external_payments")
    await legacy.execute(NOTE_LOCKS)
    writers = [OldSoftware(empty_dsn, lock_timeout=f"{PROGRESS:.0f}s") for _ in range(2)]
    writing = [asyncio.create_task(writer.run()) for writer in writers]

    first = await migrate_process(empty_dsn.newest)
    told = await lines_until(first, "rows of external_payments")
    assert "of about" in told[-1], told
    first.send_signal(signal.SIGKILL)
    await first.wait()
    walked = await legacy.fetchval("SELECT batch_rows FROM schema_migrations WHERE number = 2")
    assert 0 < walked < ROWS

    second = await migrate_process(empty_dsn.newest)
    told = await lines_until(second, "published routes version 1")
    assert await second.wait() == 0, told[-60:]
    assert any("continuing after" in line for line in told)

    for task in writing:
        task.cancel()
    ends = await asyncio.gather(*writing, return_exceptions=True)
    assert [type(end) for end in ends] == [asyncio.CancelledError] * 2, ends
    written = sum(writer.written for writer in writers)
    assert written > 100
    assert await legacy.fetchval("SELECT count(*) FROM locks_of_pages WHERE relation = 'payments'") > 0
    assert await legacy.fetch(OF_WHOLE_TABLES) == [], "a page may take long, so it must not lock a table"
    assert await legacy.fetchval("SELECT count(*) FROM payments") - ROWS in range(written, written + 3)
    unfinished = """
    SELECT (SELECT count(*) FROM external_payments WHERE kind <> 'legacy' OR provider IS NULL)
         + (SELECT count(*) FROM payments WHERE legacy_status IS NULL AND status <> 'expired')
    """
    assert await legacy.fetchval(unfinished) == 0
    # Expired if the migration found the word; if it came later, the payment stays paid: the table forbids that move.
    done = await legacy.fetch("SELECT DISTINCT status FROM payments WHERE legacy_status = 'done?'")
    assert {row["status"] for row in done} <= {"expired", "completed"}
    # Whatever was paid has its opening: before the walk, behind it, and while it went on.
    unopened = """
    SELECT count(*) FROM payments p WHERE p.status = 'completed' AND p.amount > 0
    AND NOT EXISTS (SELECT FROM settlements s WHERE s.payment_id = p.id AND s.kind = 'opening')
    """
    assert await legacy.fetchval(unopened) == 0
    paid = "SELECT count(*) FROM payments WHERE status = 'completed' AND legacy_status <> 'done?'"
    opened = "SELECT count(*) FROM settlements WHERE kind = 'opening'"
    assert await legacy.fetchval(opened) >= await legacy.fetchval(paid) > 0
    total = "SELECT sum(usd_amount), sum(charges) FROM settlement_totals WHERE livemode IS NULL"
    summed = "SELECT sum(usd_amount), count(*) FROM settlements"
    assert await legacy.fetchrow(total) == await legacy.fetchrow(summed)
    assert await legacy.fetchval("SELECT count(*) FROM settlement_totals WHERE livemode IS NOT NULL") == 0
