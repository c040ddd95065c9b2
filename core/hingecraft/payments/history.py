"""Payments as an admin sees them: lists, and one payment with its history."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from hingecraft import audit
from hingecraft.db.connection import Database
from hingecraft.payments import settlements
from hingecraft.payments.model import unknown_payment

LONGEST_HISTORY = 1000
_BEFORE_ALL = 2**62

PAYMENTS = """
SELECT id, status, legacy_status, provider, provider_id, amount, hc_currency_key(currency) AS currency,
       coalesce(price_currency, hc_currency_key(currency)) AS price_currency, source, livemode, created_at,
       coalesce(updated_at, created_at) AS updated_at
FROM payments WHERE ($1::timestamptz IS NULL OR (created_at, id) < ($1, $2)) AND created_at IS NOT NULL
ORDER BY created_at DESC, id DESC LIMIT $3
"""
PAYMENT = """
SELECT id, status, legacy_status, provider, provider_id, amount, hc_currency_key(currency) AS currency,
       coalesce(price_currency, hc_currency_key(currency)) AS price_currency, source, purpose, user_id,
       intent_id, livemode, created_at, coalesce(updated_at, created_at) AS updated_at
FROM payments WHERE id = $1
"""
# The payments of one subscription: the audit log names it in the rows of its invoices.
OF_SUBSCRIPTION = """
WITH asked AS MATERIALIZED (
    SELECT p.user_id, (
        SELECT a.details ->> 'subscription' FROM payment_audit a
        WHERE a.payment_id = p.id AND a.details ? 'subscription' ORDER BY a.id LIMIT 1
    ) AS subscription
    FROM payments p WHERE p.id = $1
)
SELECT p.id FROM asked JOIN payments p ON p.user_id = asked.user_id
WHERE EXISTS (
    SELECT FROM payment_audit a WHERE a.payment_id = p.id AND a.details ->> 'subscription' = asked.subscription
)
ORDER BY p.created_at, p.id
"""
CHECKOUTS = """
SELECT created_at, provider, provider_id, provider_url, kind, status, legacy_status, amount,
       hc_currency_key(currency) AS currency, price_currency, expires_at, idempotency_key, livemode,
       CASE WHEN provider = 'wallet' THEN request::text END AS wallet
FROM external_payments WHERE payment_id = $1 ORDER BY created_at, id
"""


@dataclass(frozen=True, slots=True)
class Position:
    """The start of a page of payments."""

    created_at: datetime
    id: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentHistory:
    """One payment with its checkouts, settlements and audit rows, each in order."""

    payment: Mapping[str, Any]
    checkouts: list[dict[str, Any]]
    settlements: list[dict[str, Any]]
    entries: list[dict[str, Any]]


async def payments(
    database: Database, after: Position | None, limit: int
) -> tuple[list[dict[str, Any]], Position | None]:
    """A page of payments, newest first, and where the next one begins."""
    async with database.connection() as conn:
        rows = await conn.fetch(PAYMENTS, after.created_at if after else None, after.id if after else None, limit + 1)
    page = [dict(row) for row in rows[:limit]]
    return page, Position(page[-1]["created_at"], page[-1]["id"]) if len(rows) > limit else None


async def of_payment(database: Database, payment_id: UUID) -> PaymentHistory:
    """One payment with everything that we know about it."""
    async with database.connection() as conn:
        row = await conn.fetchrow(PAYMENT, payment_id)
        if row is None:
            raise unknown_payment()
        return PaymentHistory(
            payment=dict(row),
            checkouts=[_checkout(each) for each in await conn.fetch(CHECKOUTS, payment_id)],
            settlements=await settlements.of_payment(conn, payment_id),
            entries=await audit.of_payment(conn, payment_id, LONGEST_HISTORY),
        )


async def with_subscription(database: Database, payment_id: UUID) -> list[PaymentHistory]:
    """The payment's history; for a payment of a subscription, those of all its payments, oldest first."""
    asked = await of_payment(database, payment_id)
    async with database.connection() as conn:
        ids = [row["id"] for row in await conn.fetch(OF_SUBSCRIPTION, payment_id)]
    return [asked if each == payment_id else await of_payment(database, each) for each in ids] or [asked]


def _checkout(row: asyncpg.Record) -> dict[str, Any]:
    """A checkout; if it was a wallet, with the address that the payer was shown."""
    found = dict(row)
    wallet = found.pop("wallet")
    return {**found, "wallet": json.loads(wallet)} if wallet is not None else found


async def entries(database: Database, before: int | None, limit: int) -> tuple[list[dict[str, Any]], int | None]:
    """A page of the audit log, newest first."""
    async with database.connection() as conn:
        rows = await audit.page(conn, before if before is not None else _BEFORE_ALL, limit + 1)
    page = rows[:limit]
    return page, page[-1]["id"] if len(rows) > limit else None
