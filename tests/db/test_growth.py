"""Anybody can cause prefills, so those that nobody used are deleted in time."""

from __future__ import annotations

PREFILLS = """
INSERT INTO "ContributionIntent" ("_id", amount_entered, expires_at)
SELECT 'old_' || n, 5, now() - interval '8 days' FROM generate_series(1, 6000) n
UNION ALL SELECT 'young', 5, now() - interval '6 days' UNION ALL SELECT 'given', 5, now() - interval '8 days'
"""
GIVEN = """
INSERT INTO payments (amount, currency, status, source, intent_id) VALUES (5, 'USD', 'pending', 'charter', 'given')
"""


async def test_prefills_that_nobody_gave_through_are_deleted_after_a_week_a_share_at_a_time(conn):
    await conn.execute(PREFILLS)
    await conn.execute(GIVEN)
    shares = []
    while gone := await conn.fetchval("SELECT hc_forget(400)"):
        shares.append(gone)
    assert sum(shares) == 6000
    assert max(shares) <= 5000
    left = await conn.fetch('SELECT "_id" FROM "ContributionIntent" ORDER BY 1')
    assert [row[0] for row in left] == ["given", "young"]
