"""Credits in the database, as tests write and read them."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import asyncpg

WRITE = "SELECT place, outcome, transaction_id, balance FROM hc_write_credits($1::jsonb) ORDER BY place"
# Accounts that are not the sum of their rows, and rows that do not follow from the one before.
WRONG = """
SELECT a.user_id::text FROM credit_accounts a
LEFT JOIN (
    SELECT user_id, sum(delta) AS balance, count(*) AS rows FROM credits_transactions GROUP BY user_id
) l USING (user_id)
WHERE (a.balance, a.transaction_count) IS DISTINCT FROM (coalesce(l.balance, 0), coalesce(l.rows, 0))
UNION ALL
SELECT id::text FROM (
    SELECT id, balance_after, sum(delta) OVER (PARTITION BY user_id ORDER BY id) AS balance FROM credits_transactions
) AS walked WHERE balance_after <> balance
"""


def entry(user: UUID, delta: int, ref: str, **more: Any) -> dict[str, Any]:
    return {"user_id": str(user), "delta": delta, "ref": ref, "reason": "test", **more}


async def write(conn: asyncpg.Connection, *entries: dict[str, Any]) -> list[asyncpg.Record]:
    rows: list[asyncpg.Record] = await conn.fetch(WRITE, json.dumps(entries))
    return rows


async def give_credits(conn: asyncpg.Connection, user: UUID, amount: int, ref: str = "given") -> None:
    await write(conn, entry(user, amount, f"{ref}/{user}", plan_type="credits"))


async def balance_of(conn: asyncpg.Connection, user: UUID) -> int | None:
    balance: int | None = await conn.fetchval("SELECT balance FROM credit_accounts WHERE user_id = $1", user)
    return balance


async def assert_books_agree(conn: asyncpg.Connection) -> None:
    assert [row[0] for row in await conn.fetch(WRONG)] == []
