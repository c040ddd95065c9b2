"""A checkout for one payer has all that repeats it: the constraint holds for every row, also of a live database."""

from __future__ import annotations

import asyncpg
import pytest

from hingecraft.migrations.files import migrations_folder, read_migrations
from hingecraft.migrations.runner import migrate

SAID: list[str] = []
BY_HAND = """
INSERT INTO external_payments (gateway, provider, currency, amount, kind, provider_id)
VALUES ('stripe', 'stripe', 'usd', 5, 'single', 'cs_by_hand')
"""
VALIDATED = "SELECT convalidated FROM pg_constraint WHERE conname = 'external_payments_single_whole'"


@pytest.fixture
async def before(empty_dsn):
    """A database at 008, in which a row may be half a checkout."""
    conn = await asyncpg.connect(empty_dsn.newest)
    await migrate(conn, read_migrations(migrations_folder())[:9], SAID.append)
    yield conn
    await conn.close()


async def test_the_constraint_is_validated(conn):
    assert await conn.fetchval(VALIDATED)
    with pytest.raises(asyncpg.CheckViolationError):
        await conn.execute(BY_HAND)


async def test_half_a_checkout_is_kept_and_no_longer_stops_what_touches_it(before):
    await before.execute(BY_HAND)
    assert await migrate(before, read_migrations(migrations_folder()), SAID.append) > 0
    row = await before.fetchrow("SELECT kind, provider_id, amount, status FROM external_payments")
    assert tuple(row) == ("legacy", "cs_by_hand", 5, "pending")
    assert await before.fetchval(VALIDATED)
    await before.execute("UPDATE external_payments SET status = 'paid'")
    assert await before.fetchval("SELECT status FROM external_payments") == "completed"


async def test_a_run_that_was_broken_off_before_it_validated_goes_on(before):
    migrations = read_migrations(migrations_folder())
    await before.execute(BY_HAND)
    await migrate(before, migrations, SAID.append)
    last = next(each for each in migrations if "021" in each.file_name)
    await before.execute(
        "UPDATE schema_migrations SET applied_at = NULL, steps_done = $2 WHERE number = $1",
        last.number, len(last.steps) - 1,
    )  # fmt: skip
    assert await migrate(before, migrations, SAID.append) == 1
    assert await before.fetchval(VALIDATED)
