"""Data that is kept for a short time only is deleted by every pod."""

from __future__ import annotations

import asyncio

from hingecraft_api import expiry
from support.limits import PROGRESS
from support.pods import running_pod

OLD = """
WITH intent AS (
    INSERT INTO "ContributionIntent" ("_id", amount_entered, expires_at, user_info, "_createdDate")
    VALUES ('prefill_old', 5, now(), '{"email": "donor@example.com"}', now() - interval '1 day')
), key AS (
    INSERT INTO idempotency_keys (scope, key, fingerprint, claimed_until, created_at)
    VALUES ('POST /', 'a-key-of-this-test', 'f', now(), now() - interval '30 days')
)
INSERT INTO used_plan_sessions (nonce, payment_id, used_at)
VALUES ('nonce', gen_random_uuid(), now() - interval '30 days')
"""
LEFT = """
SELECT (SELECT count(*) FROM "ContributionIntent" WHERE user_info IS NOT NULL)
     + (SELECT count(*) FROM idempotency_keys) + (SELECT count(*) FROM used_plan_sessions)
"""


async def test_a_pod_deletes_what_has_expired(dsn, conn, monkeypatch):
    monkeypatch.setattr(expiry, "_EVERY", (0.01, 0.02))
    await conn.execute(OLD)
    assert await conn.fetchval(LEFT) == 3
    async with running_pod(dsn), asyncio.timeout(PROGRESS):
        while await conn.fetchval(LEFT):
            await asyncio.sleep(0.02)
