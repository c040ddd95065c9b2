"""The ledger and the accounts. Everything is written by `hc_write_credits`, which no other statement replaces."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from hingecraft.credits.model import Balance, Entry, Outcome, Transaction, Written
from hingecraft.db.connection import Connection

WRITE = "SELECT outcome, transaction_id, balance FROM hc_write_credits($1::jsonb) ORDER BY place"
BALANCE = """
SELECT coalesce(a.balance, 0) AS balance, coalesce(a.transaction_count, 0) AS transactions,
       coalesce(a.by_plan, '{}')::text AS by_plan, now() AS as_of
FROM (VALUES ($1::uuid)) AS asked (user_id) LEFT JOIN credit_accounts a USING (user_id)
"""
PAGE = """
SELECT id, delta, balance_after, reason, plan_type, created_at FROM credits_transactions
WHERE user_id = $1 AND id < $2 ORDER BY id DESC NULLS LAST LIMIT $3
"""
# Accounts in the order of their users, as many as are summed in moments. Both sides are of one snapshot, so what is
# written meanwhile makes no difference.
COMPARE = """
WITH following AS (
    SELECT a.*, sum(a.transaction_count) OVER (ORDER BY a.user_id) - a.transaction_count AS rows_before
    FROM (
        SELECT user_id, balance, transaction_count FROM credit_accounts WHERE user_id >= $1 ORDER BY user_id LIMIT $2
    ) a
)
SELECT f.user_id, f.balance, l.balance AS sum,
       (f.balance, f.transaction_count) IS DISTINCT FROM (l.balance, l.number) AS differs
FROM following f CROSS JOIN LATERAL (
    SELECT coalesce(sum(t.delta), 0) AS balance, count(*) AS number
    FROM credits_transactions t WHERE t.user_id = f.user_id
) AS l
WHERE f.rows_before < $3 ORDER BY f.user_id
"""
REFRESH = "SELECT refresh_credits_balance()"
_ACCOUNTS_AT_ONCE = 1_000
_ROWS_AT_ONCE = 250_000
# Seconds; the view is as large as the accounts.
_REFRESHES_FOR = 60.0


async def write(conn: Connection, entries: Sequence[Entry]) -> list[Written]:
    """Write what may be written, in this transaction, and say for each entry what became of it.

    All accounts are locked in the order of their users. A transaction that writes for several users calls this once,
    with all of them: two that call it for one user after the other can deadlock.
    """
    return await written(conn, WRITE, entries)


async def written(conn: Connection, statement: str, entries: Sequence[Entry], *more: Any) -> list[Written]:
    """Write entries by another statement, whose first parameter they are."""
    rows = await conn.fetch(statement, json.dumps([_as_row(entry) for entry in entries]), *more)
    return [
        Written(outcome=Outcome(row["outcome"]), transaction_id=row["transaction_id"], balance=row["balance"])
        for row in rows
    ]


def _as_row(entry: Entry) -> dict[str, Any]:
    return {
        "user_id": str(entry.user_id),
        "delta": entry.delta,
        "ref": entry.ref,
        "reason": entry.reason,
        "plan_type": entry.plan_type,
        "stripe_event_id": entry.stripe_event_id,
        "stripe_payment_id": entry.stripe_payment_id,
        "stripe_price_id": entry.stripe_price_id,
        "metadata": entry.metadata,
        "below_zero": entry.below_zero,
    }


async def balance(conn: Connection, user_id: UUID) -> Balance:
    """Zero for a user without rows."""
    row = await conn.fetchrow(BALANCE, user_id)
    assert row is not None
    return Balance(**{**dict(row), "by_plan": json.loads(row["by_plan"])})


async def page(conn: Connection, user_id: UUID, before: int, limit: int) -> list[Transaction]:
    """Rows older than one, newest first."""
    return [Transaction(**dict(row)) for row in await conn.fetch(PAGE, user_id, before, limit)]


async def compare(conn: Connection, first: UUID) -> list[dict[str, Any]]:
    """The accounts from one on, each with the sum of its rows and whether it differs; none: that was the last page."""
    return [dict(row) for row in await conn.fetch(COMPARE, first, _ACCOUNTS_AT_ONCE, _ROWS_AT_ONCE)]


async def refresh(conn: Connection) -> None:
    """Bring `credits_balance_mv` up to date, every five minutes at most."""
    await conn.fetchval(REFRESH, timeout=_REFRESHES_FOR)
