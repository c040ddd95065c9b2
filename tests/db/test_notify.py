"""Only a change that routes read wakes the listeners."""

from __future__ import annotations

import asyncio

import pytest

from hingecraft.db.connection import connect

LINK = "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ('stripe', 'usd', 'https://x.example')"
SINGLE = """
INSERT INTO external_payments (payment_id, gateway, provider, currency, kind, provider_url, idempotency_key, request)
SELECT id, 'stripe', 'stripe', 'usd', 'single', 'https://x.example', 'key', '{}' FROM payments LIMIT 1
"""
PAYMENT = "INSERT INTO payments (amount, currency, status) VALUES (1, 'usd', 'pending')"

WAKES = [
    LINK,
    "UPDATE external_payments SET status = 'expired'",
    "UPDATE external_payments SET expires_at = now()",
    "UPDATE external_payments SET provider_url = 'https://y.example'",
    "UPDATE external_payments SET currency = 'eur'",
    "DELETE FROM external_payments",
    "TRUNCATE external_payments",
    "INSERT INTO wallets (coin, wallet_address) VALUES ('btc', 'b')",
    "UPDATE wallets SET wallet_address = 'c'",
    "UPDATE wallets SET network = 'TRC20'",
    "UPDATE wallets SET memo = '1'",
    "DELETE FROM wallets",
    "UPDATE currency_networks SET name = 'Tron' WHERE network = 'TRC20'",
    "UPDATE currencies SET wallet_memo = 'm={memo}' WHERE code = 'BTC'",
    "INSERT INTO currencies (code, name, symbol) VALUES ('XTS', 'x', 'x')",
    "UPDATE currencies SET enabled = false WHERE code = 'CHF'",
    "DELETE FROM currencies WHERE code = 'CHF'",
    "UPDATE route_policy SET paused = true",
]
SLEEPS = [
    PAYMENT,
    "UPDATE payments SET status = 'completed'",
    "UPDATE payments SET reconciled = true",
    SINGLE,
    "UPDATE external_payments SET reconciled = true",
    "UPDATE external_payments SET provider_payload = '{}'",
    "UPDATE external_payments SET status = status",
    "UPDATE currencies SET max_amount = 999 WHERE code = 'USD'",
    "UPDATE currencies SET wallet_amount = 'value={amount}' WHERE code = 'BTC'",
    "UPDATE wallets SET wallet_address = wallet_address",
    "UPDATE route_policy SET paused = paused",
]


async def heard(dsn, conn, statement: str) -> int:
    """How many notifications a statement causes."""
    listener = await connect(dsn, application="test")
    count = 0

    def hear(*_):
        nonlocal count
        count += 1

    await listener.add_listener("hc_routes_changed", hear)
    await conn.execute(statement)
    # An answer to a query comes after the notifications that were sent before it.
    await listener.fetchval("SELECT 1")
    await asyncio.sleep(0.05)
    await listener.close()
    return count


@pytest.fixture
async def rows(conn):
    await conn.execute(LINK)
    await conn.execute(PAYMENT)
    await conn.execute("INSERT INTO wallets (coin, wallet_address) VALUES ('btc', 'a')")


@pytest.mark.parametrize("statement", WAKES)
async def test_what_routes_read_wakes_once(dsn, conn, rows, statement):
    assert await heard(dsn, conn, statement) == 1


@pytest.mark.parametrize("statement", SLEEPS)
async def test_what_routes_do_not_read_wakes_nobody(dsn, conn, rows, statement):
    assert await heard(dsn, conn, statement) == 0


async def test_many_rows_in_one_transaction_wake_once(dsn, conn):
    many = LINK.replace(
        "VALUES ('stripe', 'usd', 'https://x.example')",
        "SELECT 'stripe', 'usd', 'https://x' FROM generate_series(1, 50)",
    )
    assert await heard(dsn, conn, many) == 1


@pytest.mark.parametrize("statement", [SINGLE, "UPDATE payments SET status = 'completed'"])
async def test_single_use_checkouts_wake_only_where_the_policy_publishes_them(dsn, conn, rows, statement):
    await conn.execute("UPDATE route_policy SET single_use_checkouts = true")
    assert await heard(dsn, conn, statement) == 1
