"""A database that the previous release has used: its books, its open checkouts, and its pods during the upgrade."""

from __future__ import annotations

import json
import time

import pytest

from hingecraft.db.connection import connect
from hingecraft.migrations.command import bring_up_to_date
from hingecraft.migrations.files import migrations_folder, read_migrations
from hingecraft.migrations.runner import migrate
from hingecraft_sandbox.postgres import free_port
from support import previous
from support.money import becomes
from support.pods import running_pod
from support.standing_links import AUTH

BOOKS = """
SELECT p.id, p.status, p.provider, p.source, p.amount, p.currency, p.created_at,
       (SELECT jsonb_agg(jsonb_build_array(s.kind, s.provider_ref, s.amount, s.currency, s.usd_amount) ORDER BY s.id)
        FROM settlements s WHERE s.payment_id = p.id) AS settled,
       (SELECT count(*) FROM payment_audit a WHERE a.payment_id = p.id) AS told
FROM payments p ORDER BY p.id
"""
TOTAL = "SELECT currency, sum(amount), sum(usd_amount), sum(charges) FROM settlement_totals GROUP BY 1 ORDER BY 1"
BEGUN_NOW = """
UPDATE external_payments SET provider_id = $2, created_at = now(), expires_at = to_timestamp($3) WHERE payment_id = $1
"""
WAITING = "SELECT p.id, x.provider_id, x.request FROM payments p JOIN external_payments x ON x.payment_id = p.id"


@pytest.fixture
async def before(empty_dsn):
    """A connection to the database as the previous release left it."""
    conn = await connect(empty_dsn, application="test", statement_timeout=None)
    older = [each for each in read_migrations(migrations_folder()) if each.number <= previous.NEWEST_MIGRATION]
    await migrate(conn, older, lambda _line: None)
    # As they were: without what triggers would add once more.
    await conn.execute("SET session_replication_role = replica")
    for table, rows in json.loads(previous.ROWS.read_text()).items():
        await conn.execute(f"DELETE FROM {table}")
        await conn.executemany(
            f"INSERT INTO {table} SELECT * FROM jsonb_populate_record(NULL::{table}, $1::jsonb)", map(_row, rows)
        )
    await conn.execute("RESET session_replication_role")
    yield conn
    await conn.close()


def _row(row):
    return (json.dumps(row),)


async def books(conn):
    return [tuple(row) for row in (*await conn.fetch(BOOKS), *await conn.fetch(TOTAL))]


async def test_its_books_stay_as_they_were(empty_dsn, before):
    found = await books(before)
    assert {row[1] for row in found[:4]} == {"completed", "refunded", "pending"}
    await bring_up_to_date(empty_dsn, "hingecraft_app")
    assert await books(before) == found


async def test_what_it_had_begun_is_completed(empty_dsn, before, sandbox):
    """The donor is at Stripe's page while the backend is upgraded."""
    waiting = await before.fetchrow(f"{WAITING} WHERE p.status = 'pending'")
    request = {**json.loads(waiting["request"]), "expires_at": int(time.time()) + 80_000}
    session = await sandbox.ask("POST", "/v1/checkout/sessions", headers=AUTH, data=flat(request))
    await before.execute(BEGUN_NOW, waiting["id"], session["id"], request["expires_at"])
    await bring_up_to_date(empty_dsn, "hingecraft_app")
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    await sandbox.tells(address)
    async with running_pod(empty_dsn, **{**sandbox.settings, "port": port, "public_url": address}):
        await sandbox.act(session["id"], "pay")
        await becomes(before, str(waiting["id"]), "completed")


def flat(value, name=""):
    """As Stripe takes it: line_items[0][price_data][currency]."""
    if not isinstance(value, dict | list):
        return {name: str(value)}
    parts = value.items() if isinstance(value, dict) else enumerate(value)
    return {
        key: text for part, below in parts for key, text in flat(below, f"{name}[{part}]" if name else part).items()
    }
