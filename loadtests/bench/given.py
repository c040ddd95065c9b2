"""Payments that wait for their money, as many as a benchmark needs."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

GIVEN = """
WITH given AS (
    INSERT INTO payments (id, amount, currency, price_currency, status, provider, livemode, source)
    SELECT id, 5, 'USD', 'USD', 'pending', 'stripe', false, 'micro-payment'
    FROM unnest($1::uuid[]) AS id RETURNING id
)
INSERT INTO external_payments (payment_id, gateway, provider, provider_id, currency, amount, status, kind,
                               idempotency_key, request, provider_url)
SELECT id, 'stripe', 'stripe', 'cs_test_' || id, 'USD', 5, 'pending', 'single', id::text, '{}', 'https://x' FROM given
"""
_AT_ONCE = 1000


async def pending(conn: asyncpg.Connection, payments: Sequence[str]) -> None:
    """One payment of 5 USD by card for each id, its session named after it."""
    for first in range(0, len(payments), _AT_ONCE):
        await conn.execute(GIVEN, payments[first : first + _AT_ONCE])
    await conn.execute("ANALYZE")
