"""Payments of the old software count at once after the migration, and its statuses are only for its own rows."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from uuid import uuid4

import asyncpg
import pytest

from hingecraft.db.connection import connect
from hingecraft.migrations.command import bring_up_to_date
from hingecraft.migrations.files import migrations_folder, read_migrations
from hingecraft.migrations.runner import migrate
from support.legacy_database import make_legacy

PAY = "INSERT INTO payments (id, amount, currency, status, created_at) VALUES ($1, $2, $3, $4, now())"
OPENED = "SELECT amount, currency, usd_amount, kind FROM settlements WHERE payment_id = $1"
TOTAL = "SELECT coalesce(sum(usd_amount), 0) AS usd, coalesce(sum(charges), 0) AS gifts FROM settlement_totals"


@pytest.fixture
async def legacy(empty_dsn):
    connection = await connect(empty_dsn, application="test", statement_timeout=None)
    yield connection
    await connection.close()


async def opened(conn, payment):
    return [tuple(row) for row in await conn.fetch(OPENED, payment)]


@pytest.mark.parametrize("word", ["paid", "Completed", "completed", " FINISHED "])
async def test_a_new_paid_row_has_its_opening_at_once(conn, word):
    payment = uuid4()
    await conn.execute(PAY, payment, Decimal(500), "usd", word)
    assert await opened(conn, payment) == [(500, "USD", 500, "opening")]
    assert tuple(await conn.fetchrow(TOTAL)) == (500, 1)


async def test_what_becomes_paid_later_is_opened_once_whatever_is_written_again(conn):
    payment = uuid4()
    await conn.execute(PAY, payment, Decimal(20), "Eur", "waiting")
    assert await opened(conn, payment) == []
    for word in ("paid", "paid", "PAID", "completed"):
        await conn.execute("UPDATE payments SET status = $2 WHERE id = $1", payment, word)
    assert await opened(conn, payment) == [(20, "EUR", None, "opening")]


async def test_an_amount_that_is_filled_in_after_the_status_counts(conn):
    payment = uuid4()
    await conn.execute(PAY, payment, None, "usd", "paid")
    assert await opened(conn, payment) == []
    await conn.execute("UPDATE payments SET amount = 12 WHERE id = $1", payment)
    assert await opened(conn, payment) == [(12, "USD", 12, "opening")]


async def test_only_what_stands_at_the_end_of_the_transaction_is_opened(conn):
    taken_back, rolled_back = uuid4(), uuid4()
    async with conn.transaction():
        await conn.execute(PAY, taken_back, Decimal(5), "usd", "paid")
        await conn.execute("DELETE FROM payments WHERE id = $1", taken_back)
    transaction = conn.transaction()
    await transaction.start()
    await conn.execute(PAY, rolled_back, Decimal(5), "usd", "paid")
    await transaction.rollback()
    assert await conn.fetchval("SELECT count(*) FROM settlements") == 0


async def test_the_old_software_needs_no_right_on_the_ledger(dsn, conn):
    await conn.execute("CREATE ROLE old_software; GRANT SELECT, INSERT, UPDATE ON payments TO old_software")
    try:
        await bring_up_to_date(dsn, "hingecraft_app", lambda _line: None)
        payment = uuid4()
        await conn.execute("SET ROLE old_software")
        await conn.execute(PAY, payment, Decimal(5), "usd", "waiting")
        await conn.execute("UPDATE payments SET status = 'paid' WHERE id = $1", payment)
        await conn.execute("RESET ROLE")
        assert await opened(conn, payment) == [(5, "USD", 5, "opening")]
    finally:
        await conn.execute("RESET ROLE; DROP OWNED BY old_software; DROP ROLE old_software")


async def test_what_a_provider_told_us_of_is_not_opened_as_well(conn):
    payment = uuid4()
    await conn.execute(PAY, payment, Decimal(5), "usd", "waiting")
    await conn.execute(
        "INSERT INTO settlements (payment_id, provider, livemode, kind, provider_ref, amount, currency, usd_amount) "
        "VALUES ($1, 'nowpayments', true, 'charge', '1', 0.0001, 'BTC', 5)", payment,
    )  # fmt: skip
    await conn.execute("UPDATE payments SET status = 'paid' WHERE id = $1", payment)
    assert [row[3] for row in await opened(conn, payment)] == ["charge"]


async def test_many_writers_of_one_payment_open_it_once(conn, dsn):
    payment = uuid4()
    await conn.execute(PAY, payment, Decimal(5), "usd", "waiting")

    async def pay():
        connection = await asyncpg.connect(dsn.newest)
        try:
            await connection.execute("UPDATE payments SET status = 'paid' WHERE id = $1", payment)
        finally:
            await connection.close()

    await asyncio.gather(*(pay() for _ in range(8)))
    assert len(await opened(conn, payment)) == 1
    assert tuple(await conn.fetchrow(TOTAL)) == (5, 1)


@pytest.mark.parametrize("text", ["nonsense", "paid", "Completed", "", None])
async def test_our_payments_and_checkouts_take_no_word_of_the_old_software(conn, text):
    payment = await conn.fetchval(
        "INSERT INTO payments (amount, currency, status, source) VALUES (5, 'USD', 'pending', 'charter') RETURNING id"
    )
    await conn.execute(
        "INSERT INTO external_payments (payment_id, gateway, provider, currency, kind, status, idempotency_key, "
        "request) VALUES ($1, 'stripe', 'stripe', 'USD', 'single', 'pending', 'a-key', '{}')", payment,
    )  # fmt: skip
    for table in ("payments", "external_payments"):
        with pytest.raises(asyncpg.CheckViolationError) as refused:
            await conn.execute(f"UPDATE {table} SET status = $1", text)
        assert refused.value.constraint_name == f"{table}_status_known"
        assert await conn.fetchval(f"SELECT status FROM {table}") == "pending"
    with pytest.raises(asyncpg.CheckViolationError):
        await conn.execute(
            "INSERT INTO payments (amount, currency, status, source) VALUES (5, 'USD', $1, 'charter')", text
        )
    assert await conn.fetchval("SELECT count(*) FROM settlements") == 0


async def test_what_was_paid_between_the_walk_and_the_trigger_is_opened(empty_dsn, legacy):
    """The first walk is done, the old software goes on, and then this migration comes."""
    await make_legacy(legacy, 8)
    migrations = read_migrations(migrations_folder())
    await migrate(legacy, migrations[:13], lambda _line: None)
    before = await legacy.fetchval("SELECT count(*) FROM settlements")
    waiting = await legacy.fetchval("SELECT id FROM payments WHERE status = 'pending' LIMIT 1")
    fresh = uuid4()
    await legacy.execute("UPDATE payments SET status = 'paid' WHERE id = $1", waiting)
    await legacy.execute(PAY, fresh, Decimal(500), "usd", "paid")
    assert await legacy.fetchval("SELECT count(*) FROM settlements") == before
    await bring_up_to_date(empty_dsn, "hingecraft_app")
    assert [len(await opened(legacy, payment)) for payment in (waiting, fresh)] == [1, 1]


MODES = """
SELECT livemode, currency, sum(charges) AS charges, sum(amount) AS amount, sum(usd_amount) AS usd
FROM settlement_totals GROUP BY 1, 2 ORDER BY 1, 2
"""
ALL = "SELECT sum(amount) AS amount, sum(usd_amount) AS usd, sum(unconverted) AS unconverted FROM settlement_totals"
MOVED = """
INSERT INTO settlements (payment_id, provider, livemode, kind, provider_ref, amount, currency, usd_amount)
VALUES ($1, 'stripe', $2, $3, gen_random_uuid()::text, $4, 'USD', $4)
"""


async def gift(legacy, livemode, *amounts):
    """A payment of the mode, and its money."""
    payment = await legacy.fetchval(
        "INSERT INTO payments (amount, currency, status, source, livemode) "
        "VALUES (10, 'USD', 'completed', 'charter', $1) RETURNING id", livemode,
    )  # fmt: skip
    for amount in amounts:
        await legacy.execute(MOVED, payment, livemode, "refund" if amount < 0 else "charge", amount)
    return payment


async def migrate_to_the_step(legacy, migrations, migration, number):
    """Apply the steps of the migration up to this one; what ran before is applied already."""
    part = [*migrations[:14], type(migration)(
        number=14, file_name=migration.file_name, checksum=str(number), steps=migration.steps[: number + 1]
    )]  # fmt: skip
    await legacy.execute("UPDATE schema_migrations SET checksum = $1, applied_at = NULL WHERE number = 14", str(number))
    await migrate(legacy, part, lambda _line: None)


async def test_totals_that_knew_no_mode_are_told_apart_while_money_goes_on_coming(empty_dsn, legacy):
    """Old software and our own older version write at every step; the sum over all rows is right at each of them."""
    await make_legacy(legacy, 80)
    migrations = read_migrations(migrations_folder())
    await migrate(legacy, migrations[:14], lambda _line: None)
    live, test = await gift(legacy, True, 10), await gift(legacy, False, 30)
    refunded = await gift(legacy, True, 10, -10)
    expected = Decimal(await legacy.fetchval("SELECT sum(amount) FROM settlements"))
    (migration,) = [each for each in migrations if each.number == 14]
    written = []
    for number in range(len(migration.steps)):
        await migrate_to_the_step(legacy, migrations, migration, number)
        written.append(await gift(legacy, False, 100, -40))
        await legacy.execute(MOVED, live, True, "refund", Decimal(-10))
        await legacy.execute(MOVED, live, True, "charge", Decimal(10))
        expected += 60
        assert (await legacy.fetchrow(ALL))["amount"] == expected
    openings = await legacy.fetchrow(
        "SELECT count(*) AS gifts, sum(amount) AS amount FROM settlements WHERE kind = 'opening' AND currency = 'USD'"
    )
    found = {(row["livemode"], row["currency"]): row for row in await legacy.fetch(MODES)}
    assert (found[None, "USD"]["charges"], found[None, "USD"]["amount"]) == tuple(openings)
    assert (found[True, "USD"]["charges"], found[True, "USD"]["amount"]) == (1, 10)
    assert (found[False, "USD"]["charges"], found[False, "USD"]["amount"]) == (
        1 + len(written), 30 + 60 * len(written),
    )  # fmt: skip
    assert {live, test, refunded}.isdisjoint(written)
