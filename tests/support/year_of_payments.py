"""A year of payments, movements, audit log and events in the database, spread over its days as real ones are."""

from __future__ import annotations

import asyncpg

# Tables that are cut by month: their past months are made first, as they would be there.
MONTHS = """
DO $$
DECLARE
    part text;
    month date := date_trunc('month', now() AT TIME ZONE 'UTC')::date;
BEGIN
    FOR i IN 1..13 LOOP
        FOREACH part IN ARRAY '{payment_audit,provider_events}'::text [] LOOP
            EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                part || to_char(month - make_interval(months => i), '_YYYY_MM'), part,
                (month - make_interval(months => i))::date::text || ' 00:00+00',
                (month - make_interval(months => i - 1))::date::text || ' 00:00+00');
        END LOOP;
    END LOOP;
END
$$
"""
# Of ten payments seven are donations. Of members' payments most are paid, and each tenth of the others was declined.
FILL = (
    """
    CREATE TEMPORARY TABLE begun AS
    SELECT n, gen_random_uuid() AS id, now() - make_interval(secs => 31536000.0 * ($1 - n) / $1) AS moment,
           CASE WHEN n % 10 < 7 THEN 'donation' WHEN n % 10 < 9 THEN 'purchase' ELSE 'credits' END AS purpose,
           CASE WHEN n % 7 = 0 THEN 'expired' WHEN n % 97 = 0 THEN 'failed' WHEN n % 31 = 0 THEN 'refunded'
                ELSE 'completed' END AS status
    FROM generate_series(1, $1::int) n
    """,
    "INSERT INTO products (type, name, price, currency, active) VALUES ('course', 'Hinges', 5, 'USD', true)",
    """
    INSERT INTO payments (id, amount, currency, price_currency, status, provider, livemode, purpose, user_id, product,
                          created_at)
    SELECT id, 5, 'USD', 'USD', status, 'stripe', true, purpose, CASE WHEN purpose <> 'donation' THEN id END,
           CASE WHEN purpose = 'purchase' THEN (SELECT products.id::text FROM products) END, moment
    FROM begun ORDER BY n
    """,
    """
    INSERT INTO settlements (payment_id, purpose, provider, livemode, kind, provider_ref, amount, currency, usd_amount,
                             created_at)
    SELECT id, purpose, 'stripe', true, kind, kind || n, CASE kind WHEN 'charge' THEN 5 ELSE -5 END, 'USD', NULL,
           moment + CASE kind WHEN 'charge' THEN make_interval(secs => 5 + n % 60) ELSE interval '2 days' END
    FROM begun CROSS JOIN unnest('{charge,refund}'::text []) AS kind
    WHERE status = 'refunded' OR (status = 'completed' AND kind = 'charge') ORDER BY moment
    """,
    """
    INSERT INTO payment_audit (actor, action, payment_id, details, created_at)
    SELECT 'stripe', 'event_applied', id,
           CASE WHEN step = 2 AND n % 70 = 0 THEN '{"declined": "card_declined"}' ELSE '{"toldBy": "x"}' END::jsonb,
           moment + step * interval '5 seconds'
    FROM begun CROSS JOIN generate_series(1, 2) AS step ORDER BY moment
    """,
    """
    INSERT INTO provider_event_ids (source, event_id, received_at)
    SELECT CASE WHEN n % 10 = 0 THEN 'nowpayments' ELSE 'stripe' END, 'evt_' || n, moment FROM begun ORDER BY n
    """,
    """
    INSERT INTO provider_events (source, event_id, type, body, received_at, processed_at, ignored_because)
    SELECT CASE WHEN n % 10 = 0 THEN 'nowpayments' ELSE 'stripe' END, 'evt_' || n, 'x', '{}', moment,
           CASE WHEN n % 1009 <> 0 THEN moment END,
           CASE WHEN n % 1009 = 0 THEN NULL WHEN n % 2003 = 0 THEN 'given up: no answer'
                WHEN n % 5 = 0 THEN 'it is not ours' END
    FROM begun ORDER BY n
    """,
    "DROP TABLE begun",
)


async def fill(conn: asyncpg.Connection, rows: int) -> None:
    """Add this many payments and events, spread over a year that ends now."""
    await conn.execute(MONTHS)
    await conn.execute("SET session_replication_role = replica")
    for sql in FILL:
        await conn.execute(sql.replace("$1", str(rows)), timeout=300)
    await conn.execute("RESET session_replication_role")
    await conn.execute("ANALYZE", timeout=300)
