"""Products and purchases in the database: users read their own rows, and the application's role writes all of them."""

from __future__ import annotations

import json
from uuid import uuid4

import asyncpg
import pytest

ADA, BEN = uuid4(), uuid4()
PRODUCT = """
INSERT INTO products (type, name, price, currency, active, file) VALUES ('design', 'Hinge', 5, 'USD', true, 'a.zip')
RETURNING id
"""
PAYMENT = """
INSERT INTO payments (id, amount, currency, status, provider, source, livemode, purpose, user_id, product)
VALUES (gen_random_uuid(), 5, 'USD', 'pending', 'stripe', 'purchase', false, 'purchase', $1, $2) RETURNING id
"""
PURCHASE = """
INSERT INTO purchases (user_id, livemode, product_id, payment_id, amount, currency, status, starts_at)
VALUES ($1, false, $2, $3, 5, 'USD', 'active', now()) RETURNING id
"""
ENTITLEMENT = """
INSERT INTO entitlements (purchase_id, user_id, payment_id, starts_at) VALUES ($1, $2, $3, now()) RETURNING id
"""
DOWNLOAD = """
INSERT INTO downloads (user_id, product_id, entitlement_id, expires_at)
SELECT user_id, $1, id, now() + interval '10 minutes' FROM entitlements
"""
SUBSCRIPTION = """
INSERT INTO subscriptions (id, user_id, livemode, customer_id, purpose, status, cancel_at_period_end, created_at,
                           asked_at)
VALUES ('sub_1', $1, false, 'cus_1', 'purchase', 'active', false, now(), now())
"""


async def become(conn, role, user=None):
    claims = json.dumps({"role": role, **({"sub": str(user)} if user else {})})
    await conn.execute(
        "SELECT set_config('role', $1, false), set_config('request.jwt.claims', $2, false)", role, claims
    )


@pytest.fixture
async def bought(conn):
    """One purchase of each user, written as the application's role, which is not the owner."""
    await become(conn, "hingecraft_app")
    product = await conn.fetchval(PRODUCT)
    for user in (ADA, BEN):
        payment = await conn.fetchval(PAYMENT, user, str(product))
        purchase = await conn.fetchval(PURCHASE, user, product, payment)
        await conn.fetchval(ENTITLEMENT, purchase, user, payment)
    assert await conn.execute(DOWNLOAD, product) == "INSERT 0 2"
    assert await conn.execute("UPDATE products SET active = false") == "UPDATE 1"
    assert await conn.execute("UPDATE purchases SET status = 'refunded'") == "UPDATE 2"
    assert await conn.execute("UPDATE entitlements SET downloads_used = 1") == "UPDATE 2"
    yield product
    await conn.execute("RESET ROLE")


async def test_the_application_writes_every_table_that_has_row_level_security(conn, bought):
    await conn.execute(SUBSCRIPTION, ADA)
    assert await conn.execute("UPDATE subscriptions SET status = 'unpaid'") == "UPDATE 1"


async def test_users_read_their_own_rows_and_nobody_elses(conn, bought):
    await become(conn, "authenticated", ADA)
    for table in ("purchases", "entitlements", "downloads"):
        assert [row["user_id"] for row in await conn.fetch(f"SELECT user_id FROM {table}")] == [ADA]
    for role, tables in (
        ("authenticated", ["products"]),
        ("anon", ["products", "purchases", "entitlements", "downloads"]),
    ):
        await become(conn, role, ADA)
        for table in tables:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.fetch(f"SELECT FROM {table}")
    await become(conn, "authenticated", ADA)
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await conn.execute("UPDATE entitlements SET download_limit = NULL")


async def test_a_user_has_one_open_payment_for_a_product(conn, bought):
    with pytest.raises(asyncpg.UniqueViolationError, match="payments_open_product_key"):
        await conn.fetchval(PAYMENT, ADA, str(bought))
    await conn.execute("UPDATE payments SET status = 'expired' WHERE user_id = $1", ADA)
    await conn.fetchval(PAYMENT, ADA, str(bought))
