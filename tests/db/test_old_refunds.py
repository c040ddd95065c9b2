"""Refunds that the old software reports leave the total once, and our payments are completed only by their money."""

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

PAY = "INSERT INTO payments (id, amount, currency, status, created_at) VALUES ($1, $2, $3, 'paid', now())"
SAY = "UPDATE payments SET status = $2 WHERE id = $1"
SETTLE = """
INSERT INTO settlements (payment_id, provider, livemode, kind, provider_ref, amount, currency, usd_amount)
"""
MOVED = "SELECT kind, amount, usd_amount FROM settlements WHERE payment_id = $1 ORDER BY created_at"
TOTAL = """
SELECT coalesce(sum(amount), 0) AS amount, coalesce(sum(usd_amount), 0) AS usd,
       coalesce(sum(unconverted), 0) AS unknown, coalesce(sum(charges), 0) AS gifts,
       coalesce(bool_and(livemode IS NULL), true) AS both
FROM settlement_totals
"""
ROWS = "SELECT coalesce(sum(amount), 0), coalesce(sum(usd_amount), 0) FROM settlements"


@pytest.fixture
async def paid(conn):
    payment = uuid4()
    await conn.execute(PAY, payment, Decimal(50), "usd")
    return payment


async def kinds(conn, payment):
    return [row["kind"] for row in await conn.fetch(MOVED, payment)]


async def total(conn):
    return tuple(await conn.fetchrow(TOTAL))


@pytest.mark.parametrize("word", ["Refunded", "refunded", " REFUND ", "chargeback"])
async def test_an_old_row_that_is_marked_as_gone_back_leaves_the_total_in_both_modes(conn, paid, word):
    assert await total(conn) == (50, 50, 0, 1, True)
    await conn.execute(SAY, paid, word)
    assert await total(conn) == (0, 0, 0, 0, True)
    kind = "dispute" if word == "chargeback" else "refund"
    assert [tuple(row) for row in await conn.fetch(MOVED, paid)] == [("opening", 50, 50), (kind, -50, -50)]
    assert await conn.fetchval("SELECT details ->> 'amount' FROM payment_audit WHERE payment_id = $1", paid) == "-50"


@pytest.mark.parametrize("currency", ["usd", "eur"])
async def test_it_leaves_once_and_comes_back_once_however_often_that_is_written(conn, currency):
    payment, worth = uuid4(), Decimal(50 if currency == "usd" else 0)
    await conn.execute(PAY, payment, Decimal(50), currency)
    for word, amount in (
        ("Refunded", 0), ("Refunded", 0), ("refunded", 0), ("Paid", 50), ("completed", 50), ("Refunded", 0),
        ("paid", 50), ("chargeback", 0), ("dispute", 0), ("refunded", 0), ("waiting", 0),
        ("Partial_Refund", 0), ("Paid", 50),
    ):  # fmt: skip
        await conn.execute(SAY, payment, word)
        found = await conn.fetchrow(TOTAL)
        assert (found["amount"], found["usd"], found["gifts"]) == (amount, worth if amount else 0, int(amount > 0)), (
            word
        )
        assert tuple(await conn.fetchrow(ROWS)) == (found["amount"], found["usd"]), word
        assert found["unknown"] == (0 if worth else amount), word
    refs = await conn.fetch("SELECT kind, provider_ref FROM settlements WHERE payment_id = $1", payment)
    assert len(set(map(tuple, refs))) == len(refs)


async def test_only_what_stands_at_the_end_of_a_transaction_goes_back(conn, paid):
    async with conn.transaction():
        for word in ("refunded", "paid", "Refunded", "completed"):
            await conn.execute(SAY, paid, word)
    assert await kinds(conn, paid) == ["opening"]
    transaction = conn.transaction()
    await transaction.start()
    await conn.execute(SAY, paid, "Refunded")
    await transaction.rollback()
    assert await total(conn) == (50, 50, 0, 1, True)


async def test_many_writers_of_one_refund_book_it_once(conn, dsn, paid):
    async def refund():
        connection = await asyncpg.connect(dsn.newest)
        try:
            await connection.execute(SAY, paid, "Refunded")
        finally:
            await connection.close()

    await asyncio.gather(*(refund() for _ in range(8)))
    assert await kinds(conn, paid) == ["opening", "refund"]


async def test_a_connection_that_is_lost_before_the_commit_has_booked_nothing(conn, dsn, paid):
    lost = await asyncpg.connect(dsn.newest)
    await lost.execute("BEGIN")
    await lost.execute(SAY, paid, "Refunded")
    await lost.execute("SET CONSTRAINTS ALL IMMEDIATE")
    await conn.execute("SELECT pg_terminate_backend($1)", lost.get_server_pid())
    lost.terminate()
    assert await kinds(conn, paid) == ["opening"]
    await conn.execute(SAY, paid, "Refunded")
    assert await kinds(conn, paid) == ["opening", "refund"]


async def test_what_was_corrected_goes_back_as_it_was_corrected(conn, paid):
    await conn.execute(
        "INSERT INTO settlements (payment_id, provider, livemode, kind, provider_ref, amount, currency, usd_amount, "
        "corrects, reason) SELECT payment_id, provider, livemode, 'correction', id || '/1', -8, currency, -8, id, "
        "'typed wrongly' FROM settlements"
    )
    assert await total(conn) == (42, 42, 0, 1, True)
    await conn.execute(SAY, paid, "Refunded")
    assert await total(conn) == (0, 0, 0, 0, True)


async def test_the_old_software_needs_no_right_on_the_ledger_to_refund(dsn, conn, paid):
    await conn.execute(
        "CREATE ROLE old_refunder; GRANT SELECT, INSERT, UPDATE ON payments, external_payments TO old_refunder"
    )
    try:
        await bring_up_to_date(dsn, "hingecraft_app", lambda _line: None)
        await conn.execute("SET ROLE old_refunder")
        await conn.execute(SAY, paid, "Refunded")
        await conn.execute(
            "INSERT INTO external_payments (payment_id, gateway, provider_payload) VALUES ($1, 'stripe', $2)", paid,
            '{"id": "cs_1", "payment_intent": "pi_1"}',
        )  # fmt: skip
        await conn.execute("RESET ROLE")
        assert await kinds(conn, paid) == ["opening", "refund"]
    finally:
        await conn.execute("RESET ROLE; DROP OWNED BY old_refunder; DROP ROLE old_refunder")


async def test_what_went_back_before_the_migration_leaves_the_total_with_it(empty_dsn):
    """Also a refund that an earlier version booked in a mode beside an opening, which had no mode."""
    legacy = await connect(empty_dsn, application="test", statement_timeout=None)
    try:
        await make_legacy(legacy, 16)
        migrations = read_migrations(migrations_folder())
        await migrate(legacy, migrations[:24], lambda _line: None)
        said, told = [
            row["payment_id"]
            for row in await legacy.fetch(
                "SELECT payment_id FROM settlements WHERE currency = 'USD' ORDER BY amount LIMIT 2"
            )
        ]
        await legacy.execute(SAY, said, "Refunded")
        await legacy.execute(
            f"{SETTLE} SELECT payment_id, 'stripe', true, 'refund', 're_1', -amount, 'USD', -amount FROM settlements "
            "WHERE payment_id = $1", told,
        )  # fmt: skip
        amount, usd, _, gifts, _ = await total(legacy)
        gone = await legacy.fetchval("SELECT amount FROM settlements WHERE payment_id = $1", said)
        for _ in range(2):
            await bring_up_to_date(empty_dsn, "hingecraft_app")
            after = await total(legacy)
            assert (after[0], after[1], after[3]) == (amount - gone, usd - gone, gifts - 2)
            assert await legacy.fetchval("SELECT coalesce(sum(amount), 0) FROM settlement_totals WHERE livemode") == 0
    finally:
        await legacy.close()


OURS = "INSERT INTO payments (amount, currency, status, source) VALUES (5, 'USD', $1, 'charter') RETURNING id"


@pytest.mark.parametrize("before", ["pending", "failed", "expired", "error", "awaiting_confirmation"])
async def test_our_payment_is_not_completed_without_a_settlement(conn, before):
    payment = await conn.fetchval(OURS, before)
    with pytest.raises(asyncpg.CheckViolationError, match="has no settlement") as refused:
        await conn.execute(SAY, payment, "completed")
    assert refused.value.constraint_name == "payments_completed_settled"
    assert await conn.fetchval("SELECT status FROM payments WHERE id = $1", payment) == before


async def test_our_payment_is_completed_by_its_settlement_in_the_same_transaction(conn):
    payment = await conn.fetchval(OURS, "pending")
    async with conn.transaction():
        await conn.execute(SAY, payment, "completed")
        await conn.execute(f"{SETTLE} VALUES ($1, 'stripe', true, 'charge', 'pi_1', 5, 'USD', 5)", payment)
    assert await conn.fetchval("SELECT status FROM payments WHERE id = $1", payment) == "completed"


@pytest.mark.parametrize(
    ("payload", "ids"),
    [
        ('{"id": "4522", "order_id": "9", "invoice_url": "https://pay.example/?iid=4522"}', {"invoice:4522"}),
        ('{"ipn": {"payment_id": 57, "invoice_id": 4522, "x": "finished"}}', {"payment:57", "invoice:4522"}),
        ('[{"payment_id": "57", "pay_amount": 1.5}, {"payment_id": "58"}]', {"payment:57", "payment:58"}),
        ('"{\\"payment_id\\": 57}"', {"payment:57"}),
        ('{"id": 4522, "payment_id": null, "invoice_id": "x", "invoice_url": 7}', {"invoice:4522"}),
        ('{"id": 4522}', set()), ('"{broken"', None), ("null", set()), ("7", set()),
    ],
)  # fmt: skip
async def test_invoices_and_payments_are_told_apart_in_what_nowpayments_answered(conn, payload, ids):
    found = await conn.fetchval("SELECT hc_coin_payload_ids($1::jsonb)", payload)
    assert (set(found) if found is not None else None) == ids
