"""Each payment has a purpose, without a default; the release before goes on writing during an upgrade."""

from __future__ import annotations

from uuid import uuid4

import asyncpg
import pytest

from hingecraft.db.connection import connect
from hingecraft.migrations.files import migrations_folder, read_migrations
from hingecraft.migrations.runner import migrate

SAID: list[str] = []
# As software of before writes them.
OLD_PAYMENT = """
INSERT INTO payments (id, amount, currency, price_currency, status, provider, source, livemode, created_at, updated_at)
VALUES ($1, 5, 'USD', 'USD', 'pending', 'stripe', 'charter', true, now(), now())
"""
OLD_SETTLEMENT = """
INSERT INTO settlements (payment_id, provider, livemode, kind, provider_ref, amount, currency, usd_amount)
VALUES ($1, 'stripe', true, 'charge', $2, 5, 'USD', 5)
"""
OF_ANOTHER = """
INSERT INTO payments (id, amount, currency, status, purpose, user_id) VALUES ($1, 5, 'USD', 'pending', $2, $3)
"""
PURPOSES = "SELECT p.purpose, s.purpose FROM payments p LEFT JOIN settlements s ON s.payment_id = p.id WHERE p.id = $1"
DEFAULTS = """
SELECT table_name, column_default FROM information_schema.columns
WHERE table_schema = current_schema() AND column_name = 'purpose' ORDER BY 1
"""


async def test_what_software_of_before_writes_is_a_donation(conn):
    payment = uuid4()
    await conn.execute(OLD_PAYMENT, payment)
    await conn.execute(OLD_SETTLEMENT, payment, "pi_1")
    assert tuple(await conn.fetchrow(PURPOSES, payment)) == ("donation", "donation")


async def test_no_purpose_is_ever_taken_for_granted(conn):
    expected = [("payments", None), ("settlements", None), ("subscriptions", None)]
    assert [tuple(row) for row in await conn.fetch(DEFAULTS)] == expected
    with pytest.raises(asyncpg.NotNullViolationError):
        await conn.execute(OF_ANOTHER, uuid4(), None, uuid4())


async def test_a_settlement_has_the_purpose_of_its_payment_and_only_donations_are_in_the_total(conn):
    payment = uuid4()
    await conn.execute(OF_ANOTHER, payment, "lessons", uuid4())
    await conn.execute(OLD_SETTLEMENT, payment, "pi_1")
    assert tuple(await conn.fetchrow(PURPOSES, payment)) == ("lessons", "lessons")
    assert await conn.fetchval("SELECT count(*) FROM settlement_totals") == 0


async def test_rows_of_before_are_donations_and_are_written_by_old_and_new_software_meanwhile(empty_dsn):
    conn = await connect(empty_dsn, application="test", statement_timeout=None)
    before, during = uuid4(), uuid4()
    try:
        await migrate(conn, [each for each in read_migrations(migrations_folder()) if each.number < 22], SAID.append)
        await conn.execute(OLD_PAYMENT, before)
        await conn.execute(OLD_SETTLEMENT, before, "pi_before")
        await migrate(conn, read_migrations(migrations_folder()), SAID.append)
        await conn.execute(OLD_PAYMENT, during)
        await conn.execute("UPDATE payments SET status = 'completed', updated_at = now() WHERE id = $1", before)
        for payment in (before, during):
            assert await conn.fetchval("SELECT purpose FROM payments WHERE id = $1", payment) == "donation"
    finally:
        await conn.close()
