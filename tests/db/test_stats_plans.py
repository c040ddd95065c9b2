"""Statistics of a month read that month, through indexes, and not the year around it."""

from __future__ import annotations

import json
from datetime import timedelta

from hingecraft.payments.ledger import SETTLED
from hingecraft.stats import store
from support.year_of_payments import fill

ROWS = 50_000
# Each statement with its other arguments, and the tables that it has to read.
QUERIES = (
    (store.PAYMENTS, (True, sorted(SETTLED)), {"payments", "settlements", "payment_audit"}),
    (store.WEBHOOKS, (), {"provider_event_ids", "provider_events"}),
    (store.REVENUE, (True,), {"payments", "settlements"}),
)


def scans(node, tables):
    """The scans that have found rows: their kind and table. Months to come have no rows."""
    rows = node.get("Actual Rows", 0) + node.get("Rows Removed by Filter", 0)
    table = next((each for each in tables if rows and node.get("Relation Name", "").startswith(each)), None)
    return {(node["Node Type"], table)} - {(node["Node Type"], None)} | {
        each for child in node.get("Plans", ()) for each in scans(child, tables)
    }


async def test_a_month_is_read_through_indexes(conn):
    """Whether Postgres plans for these days or, as after some calls, for any."""
    await fill(conn, ROWS)
    now = await conn.fetchval(store.NOW)
    for plans in ("force_custom_plan", "force_generic_plan"):
        await conn.execute(f"SET plan_cache_mode = {plans}")
        for days in (30, 180):
            span = now - timedelta(days=days), now - timedelta(days=days - 30)
            for sql, more, tables in QUERIES:
                explained = await conn.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *span, *more, timeout=60)
                found = scans(json.loads(explained)[0]["Plan"], tables)
                assert {table for _, table in found} == tables
                assert "Seq Scan" not in {kind for kind, _ in found}, (plans, days, found)
