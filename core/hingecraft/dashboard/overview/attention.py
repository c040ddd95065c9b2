"""Finds what a person should look at: payments, events, deliveries and pods that do not get on by themselves."""

from __future__ import annotations

from collections.abc import Sequence

from hingecraft.credits.grants import UNKNOWN_AMOUNT, UNKNOWN_PRICE
from hingecraft.dashboard.overview.model import Attention
from hingecraft.db.connection import Connection
from hingecraft.wix_app.plans.service import UNKNOWN_PRODUCT

# Each is counted by a partial index of the few rows that are like it. What gets on by itself has some minutes for it.
ATTENTION = """
SELECT CASE status WHEN 'error' THEN 'payments_in_review' WHEN 'disputed' THEN 'disputes'
                   WHEN 'awaiting_confirmation' THEN 'wallet_payments_to_confirm' END AS kind,
       count(*) AS count, min(created_at) AS since, '{}'::text[] AS names
FROM payments WHERE status IN ('error', 'disputed', 'awaiting_confirmation') AND status <> 'completed' GROUP BY status
UNION ALL
SELECT 'checkouts_unanswered', count(*), min(created_at), '{}' FROM payments
WHERE status IN ('creating', 'unknown') AND created_at < now() - interval '10 minutes'
UNION ALL
SELECT 'refunds_unanswered', count(*), min(created_at), '{}' FROM refunds
WHERE state = 'asked' AND created_at < now() - interval '5 minutes'
UNION ALL
SELECT CASE WHEN starts_with(error, $1) OR starts_with(error, $2) THEN 'unknown_prices'
            WHEN starts_with(error, $3) THEN 'unknown_wix_products'
            WHEN error IS NOT NULL THEN 'events_failing' ELSE 'events_waiting' END,
       count(*), min(received_at), '{}'
FROM provider_events WHERE processed_at IS NULL AND received_at < now() - interval '1 minute' GROUP BY 1
UNION ALL
SELECT 'events_given_up', count(*), min(received_at), '{}' FROM provider_events
WHERE ignored_because LIKE 'given up: %' AND received_at > now() - interval '60 days'
UNION ALL
SELECT 'deliveries_failed', count(*), min(created_at), array_agg(DISTINCT endpoint) FROM outbox
WHERE state = 'dead' AND created_at > now() - interval '7 days'
UNION ALL
SELECT 'endpoints_failing', count(*), min(disabled_at), array_agg(name ORDER BY name) FROM webhook_endpoints
WHERE disabled_at IS NOT NULL OR failures > 2
UNION ALL
SELECT 'pods_lagging', cardinality(lagging), reported_at, lagging FROM routes_served
"""


async def read(conn: Connection) -> Sequence[Attention]:
    """Only what there is, in a fixed order."""
    rows = await conn.fetch(ATTENTION, UNKNOWN_PRICE, UNKNOWN_AMOUNT, UNKNOWN_PRODUCT)
    return [
        Attention(kind=row["kind"], count=row["count"], since=row["since"], names=tuple(row["names"] or ()))
        for row in rows
        if row["count"]
    ]
