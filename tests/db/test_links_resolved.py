"""Migration 016 on a database that has earlier links and bounds."""

from __future__ import annotations

import asyncpg
import pytest

from hingecraft.migrations.files import migrations_folder, read_migrations
from hingecraft.migrations.runner import migrate

INSERT = "INSERT INTO external_payments (gateway, currency, provider_url, status) VALUES ($1, $2, $3, $4)"
BUTTON = "https://nowpayments.io/payment/?iid={}&source=button"


@pytest.fixture
async def before(empty_dsn):
    connection = await asyncpg.connect(empty_dsn.newest)
    await migrate(connection, [each for each in read_migrations(migrations_folder()) if each.number < 16], print)
    yield connection
    await connection.close()


async def test_saved_links_get_their_ids_and_bounds_are_drawn_in(before):
    for gateway, currency, url, status in (
        ("nowpayments", "btc", BUTTON.format(1), "pending"),
        ("nowpayments", "eth", BUTTON.format(1), "pending"),
        ("crypto", "sol", BUTTON.format(2), "expired"),
        ("stripe", "usd", "https://buy.stripe.com/x", "pending"),
        ("other", "eur", "https://give.example.com/7", "pending"),
    ):
        await before.execute(INSERT, gateway, currency, url, status)
    await before.execute("UPDATE currencies SET min_amount = 0.2, max_amount = 0.8 WHERE code = 'JPY'")
    await before.execute("UPDATE currencies SET min_amount = 1.001, max_amount = 9.999 WHERE code = 'USD'")
    for _ in range(2):
        await migrate(before, read_migrations(migrations_folder()), print)
    rows = await before.fetch("SELECT provider, provider_id, currency FROM external_payments ORDER BY currency")
    found = [tuple(row) for row in rows]
    assert {row[1] for row in found if row[2] in {"btc", "eth"}} == {"1", None}, "an id stands once"
    assert {row[2]: row[:2] for row in found if row[2] not in {"btc", "eth"}} == {
        "sol": ("nowpayments", "2"), "usd": ("stripe", None), "eur": ("other", None),
    }  # fmt: skip
    bounds = await before.fetch("SELECT code, min_amount, max_amount FROM currencies WHERE code IN ('JPY', 'USD')")
    assert {row["code"]: (str(row["min_amount"]), str(row["max_amount"])) for row in bounds} == {
        "JPY": ("1", "1"), "USD": ("1.01", "9.99"),
    }  # fmt: skip
