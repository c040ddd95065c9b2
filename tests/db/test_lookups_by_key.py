"""Functions that run for each payment look up rows by their key, also where their plans were made for small tables."""

from __future__ import annotations

from uuid import UUID, uuid4

OURS = """
WITH payment AS (
    INSERT INTO payments (id, amount, currency, status, source, provider, livemode)
    VALUES ($1, 5, 'USD', 'pending', 'charter', 'stripe', false) RETURNING id
)
INSERT INTO external_payments (payment_id, gateway, provider, provider_id, currency, amount, status, kind,
                               idempotency_key, request)
SELECT id, 'stripe', 'stripe', 'cs_' || id, 'USD', 5, 'pending', 'single', 'hc_' || id, '{}' FROM payment
"""
AUDIT = """
INSERT INTO payment_audit (actor, action, payment_id, details) VALUES ('stripe', 'moved', $1, '{"to": "completed"}')
"""
CHECKOUT = "UPDATE external_payments SET status = 'completed' WHERE payment_id = $1"
PAYMENT = "UPDATE payments SET status = 'completed' WHERE id = $1"
WHOLE_READS = """
SELECT relname, seq_scan FROM pg_stat_xact_user_tables
WHERE seq_scan > 0 AND (relname LIKE 'settlements%' OR relname LIKE 'payment_audit%')
"""
# More than the five executions after which Postgres keeps a plan.
PAYMENTS = 12


async def _complete(conn, payment: UUID) -> None:
    """The same for each payment: the two deferred checks run at the end."""
    await conn.execute(AUDIT, payment)
    await conn.execute(CHECKOUT, payment)
    await conn.execute(PAYMENT, payment)
    await conn.execute("SET CONSTRAINTS ALL IMMEDIATE")


async def test_completing_payments_reads_no_whole_table(conn):
    payments = [uuid4() for _ in range(PAYMENTS)]
    for payment in payments:
        await conn.execute(OURS, payment)
    # A few rows that are known to be few: the cheapest plan for them is to read them all.
    async with conn.transaction():
        await _complete(conn, payments[0])
    await conn.execute("ANALYZE settlements; ANALYZE payment_audit")
    for payment in payments[1:]:
        async with conn.transaction():
            await _complete(conn, payment)
            assert await conn.fetch(WHOLE_READS) == []
