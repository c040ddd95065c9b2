"""The table `customers`."""

from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import asyncpg

from hingecraft.db.connection import Connection
from hingecraft.members.customers.model import Customer, customer_key, customer_request

# Held by everything that begins something for a user or deletes the user.
LOCK_USER = "SELECT pg_advisory_xact_lock(hashtextextended('user:' || $1::uuid::text, 0))"
# Longer than a request may take.
_ANSWERED_WITHIN = timedelta(minutes=1)
_AT_ONCE = 500
_COLUMNS = """
c.user_id, c.livemode, c.number, c.customer_id, c.idempotency_key, c.request::text AS request, c.created_at,
now() - c.created_at AS age
"""
CURRENT = f"SELECT {_COLUMNS} FROM customers c WHERE c.user_id = $1 AND c.livemode = $2 AND c.deleted_at IS NULL"
BEGIN = """
INSERT INTO customers (user_id, livemode, number, email, idempotency_key, request)
SELECT $1::uuid, $2::boolean, number, $3::text, $4 || CASE WHEN number > 1 THEN '_' || number ELSE '' END, $5::jsonb
FROM (
    SELECT coalesce(max(number), 0) + 1 AS number FROM customers WHERE user_id = $1::uuid AND livemode = $2::boolean
) AS following
WHERE NOT EXISTS (SELECT FROM deleted_users d WHERE d.user_id = $1::uuid)
ON CONFLICT DO NOTHING
"""
INSTALLATION = "SELECT id FROM installation"
NAME = """
UPDATE customers SET customer_id = $4
WHERE user_id = $1 AND livemode = $2 AND number = $3 AND customer_id IS NULL
"""
# An answer that never came, or a row that a restored backup has lost. A user with another customer keeps that one.
RESTORE = """
WITH unknown AS (
    SELECT WHERE NOT EXISTS (SELECT FROM customers WHERE customer_id = $3)
      AND NOT EXISTS (SELECT FROM deleted_users WHERE user_id = $1)
), answered AS (
    UPDATE customers SET customer_id = $3 FROM unknown
    WHERE user_id = $1 AND livemode = $2 AND customer_id IS NULL AND deleted_at IS NULL RETURNING number
)
INSERT INTO customers (user_id, livemode, number, customer_id, email, idempotency_key, request)
SELECT $1, $2, number, $3, $4, $5 || CASE WHEN number > 1 THEN '_' || number ELSE '' END, $6::jsonb
FROM unknown, (
    SELECT coalesce(max(number), 0) + 1 AS number FROM customers WHERE user_id = $1 AND livemode = $2
) AS following
WHERE NOT EXISTS (SELECT FROM answered)
ON CONFLICT DO NOTHING
"""
OURS = "SELECT EXISTS (SELECT FROM installation WHERE id::text = $1)"
DELETED = "UPDATE customers SET deleted_at = now() WHERE customer_id = $1 AND deleted_at IS NULL RETURNING user_id"
UNANSWERED = f"""
SELECT {_COLUMNS} FROM customers c
WHERE c.customer_id IS NULL AND c.deleted_at IS NULL AND c.livemode = $1 AND c.created_at < now() - $2::interval
  AND NOT EXISTS (SELECT FROM deleted_users d WHERE d.user_id = c.user_id)
ORDER BY c.created_at LIMIT $3
"""
OWNER = "SELECT user_id FROM customers WHERE customer_id = $1 AND livemode = $2"


async def current(conn: Connection, user_id: UUID, *, livemode: bool) -> Customer | None:
    """The user's customer in that mode, unless Stripe has deleted it."""
    row = await conn.fetchrow(CURRENT, user_id, livemode)
    return _customer(row) if row else None


async def owner_of(conn: Connection, customer_id: str, *, livemode: bool) -> UUID | None:
    """The user of a customer, also of one that is deleted; None: no user here has it."""
    found: UUID | None = await conn.fetchval(OWNER, customer_id, livemode)
    return found


async def lock_user(conn: Connection, user_id: UUID) -> None:
    """Wait until nobody else begins something for this user or deletes it, until this transaction ends."""
    await conn.execute(LOCK_USER, user_id)


async def begin(conn: Connection, user_id: UUID, email: str | None, *, livemode: bool) -> None:
    """Write down the request and its key, unless the user has a customer in that mode or is deleted."""
    installation: UUID = await conn.fetchval(INSTALLATION)
    request = customer_request(user_id, installation, email)
    key = customer_key(user_id, installation)
    await conn.execute(BEGIN, user_id, livemode, email, key, json.dumps(request))


async def restore(conn: Connection, user_id: UUID, customer_id: str, email: str | None, *, livemode: bool) -> None:
    """Record a customer that Stripe has and no row names; does nothing if the user has one, or is deleted."""
    installation: UUID = await conn.fetchval(INSTALLATION)
    request = json.dumps(customer_request(user_id, installation, email))
    await conn.execute(RESTORE, user_id, livemode, customer_id, email, customer_key(user_id, installation), request)


async def is_ours(conn: Connection, installation: str | None) -> bool:
    """Whether metadata with this installation was written by this database."""
    return bool(await conn.fetchval(OURS, installation))


async def name(conn: Connection, customer: Customer, customer_id: str) -> None:
    """Record Stripe's answer."""
    await conn.execute(NAME, customer.user_id, customer.livemode, customer.number, customer_id)


async def mark_deleted(conn: Connection, customer_id: str) -> bool:
    """Record that Stripe has deleted it; False if that was known."""
    return await conn.fetchval(DELETED, customer_id) is not None


async def unanswered(conn: Connection, *, livemode: bool) -> list[Customer]:
    """Customers whose creation was not answered by the process that asked for it."""
    return [_customer(row) for row in await conn.fetch(UNANSWERED, livemode, _ANSWERED_WITHIN, _AT_ONCE)]


def _customer(row: asyncpg.Record) -> Customer:
    found = dict(row)
    return Customer(**{**found, "request": json.loads(found["request"]) if found["request"] else None})
