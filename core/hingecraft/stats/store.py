"""Counts the payments, movements and events of a span, by the indexes of migration 038."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import asyncpg

from hingecraft.db.connection import Connection
from hingecraft.payments.ledger import SETTLED
from hingecraft.stats.model import Payments, Revenue, Span, Webhooks

NOW = "SELECT now()"
TODAY = "SELECT (now() AT TIME ZONE 'UTC')::date"
# A renewal counts no time: its payment is made in the transaction that books the money, so both have the same time.
# Only a refund that failed has a reversal.
PAYMENTS = """
WITH begun AS MATERIALIZED (
    SELECT id, status, created_at, status = ANY ($4::text[]) AS paid FROM payments
    WHERE purpose <> 'donation' AND livemode = $3 AND created_at >= $1 AND created_at < $2
), money AS (
    SELECT extract(epoch FROM max(s.created_at) FILTER (WHERE s.kind = 'charge') - b.created_at)::float8 AS seconds,
           coalesce(sum(s.amount) FILTER (WHERE s.kind IN ('refund', 'refund_reversal')), 0) < 0 AS refunded
    FROM begun b JOIN settlements s ON s.payment_id = b.id
    WHERE b.paid AND s.purpose <> 'donation' AND s.created_at >= $1 GROUP BY b.id, b.created_at
)
SELECT count(*) FILTER (WHERE paid) AS paid,
       count(*) FILTER (WHERE status = 'failed') AS failed,
       count(*) FILTER (WHERE status = 'expired' AND id IN (
           SELECT payment_id FROM payment_audit
           WHERE details ?| '{declined,attempts}' AND created_at >= $1 AND payment_id IS NOT NULL
       )) AS expired,
       (SELECT count(*) FROM money WHERE refunded) AS refunded,
       (SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) FROM money WHERE seconds > 0) AS p50,
       (SELECT percentile_cont(0.99) WITHIN GROUP (ORDER BY seconds) FROM money WHERE seconds > 0) AS p99
FROM begun
"""
# An event's id is stored with the same time as the event and never changes, so its table is the cheaper one to count.
# It is also deleted first, and an event without it does not count.
WEBHOOKS = """
WITH counted AS (
    SELECT count(*) AS received, count(*) FILTER (WHERE received_at < now() - interval '1 minute') AS due
    FROM provider_event_ids WHERE source = 'stripe' AND received_at >= $1 AND received_at < $2
), left_over AS (
    SELECT e.received_at, true AS waits FROM provider_events e JOIN provider_event_ids USING (source, event_id)
    WHERE e.processed_at IS NULL AND source = 'stripe' AND e.received_at >= $1 AND e.received_at < $2
    UNION ALL
    SELECT e.received_at, false FROM provider_events e JOIN provider_event_ids USING (source, event_id)
    WHERE e.ignored_because LIKE 'given up: %' AND source = 'stripe' AND e.received_at >= $1 AND e.received_at < $2
), failed AS (
    SELECT count(*) AS number, count(*) FILTER (WHERE waits) AS waiting,
           count(*) FILTER (WHERE received_at < now() - interval '1 minute') AS due
    FROM left_over
)
SELECT c.received, c.received - f.number AS processed, f.waiting, c.due, c.due - f.due AS due_processed
FROM counted c, failed f
"""
# A renewal's payment names no product, and only subscriptions renew. Money of another mode than its payment's is kept
# and never counts. OFFSET has each payment looked up by its key: a join might read all payments that there ever were.
REVENUE = """
SELECT (s.created_at AT TIME ZONE 'UTC')::date AS day,
       CASE s.purpose WHEN 'purchase' THEN coalesce(r.type, 'subscription') ELSE s.purpose END AS type,
       s.currency, sum(s.amount) AS amount
FROM settlements s
CROSS JOIN LATERAL (SELECT livemode, product FROM payments WHERE id = s.payment_id OFFSET 0) AS p
LEFT JOIN products r ON r.id::text = p.product
WHERE s.purpose <> 'donation' AND s.livemode = $3 AND p.livemode = $3 AND s.created_at >= $1 AND s.created_at < $2
GROUP BY day, 2, s.currency ORDER BY day, 2, s.currency
"""


async def now(conn: Connection) -> datetime:
    """The time of the transaction."""
    found: datetime = await conn.fetchval(NOW)
    return found


async def today(conn: Connection) -> date:
    """The day in UTC."""
    found: date = await conn.fetchval(TODAY)
    return found


async def payments(conn: Connection, span: Span, *, livemode: bool) -> Payments:
    """Members' payments that were begun in the span."""
    return Payments(**await _row(conn, PAYMENTS, span.start, span.end, livemode, sorted(SETTLED)))


async def webhooks(conn: Connection, span: Span) -> Webhooks:
    """Stripe's events that were received in the span."""
    return Webhooks(**await _row(conn, WEBHOOKS, span.start, span.end))


async def revenue(conn: Connection, span: Span, *, livemode: bool) -> list[Revenue]:
    """Members' money that was booked in the span, in order of day, type and currency."""
    return [Revenue(**dict(row)) for row in await conn.fetch(REVENUE, span.start, span.end, livemode)]


async def _row(conn: Connection, sql: str, *arguments: object) -> dict[str, Any]:
    row: asyncpg.Record | None = await conn.fetchrow(sql, *arguments)
    assert row is not None, "an aggregate always answers a row"
    return dict(row)
