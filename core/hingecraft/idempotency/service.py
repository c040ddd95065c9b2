"""Idempotency keys: the same key and body give the same answer, even if a process died in between.

A key is leased for a little longer than a request may take. A request that finds it leased waits, holding no
connection. One that finds the lease ended takes the work over where it was left.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import timedelta
from typing import Any

from hingecraft.db.batches import in_batches
from hingecraft.db.connection import Connection, Database
from hingecraft.idempotency.model import Claim, InFlightError, KeyReusedError, StoredAnswer
from hingecraft.leases.statements import held
from hingecraft.providers.patience import Deadline

KEPT_FOR = timedelta(hours=24)
# Longer than the time in which every request is answered.
LEASE = timedelta(seconds=12)
_LOOK_AGAIN = (0.05, 0.1, 0.2, 0.4)
_LEAST_TIME = 0.5
_HELD = held("scope", "key")

CLAIM = """
INSERT INTO idempotency_keys AS k (scope, key, fingerprint, claimed_until)
VALUES ($1, $2, $3, clock_timestamp() + $4)
ON CONFLICT (scope, key) DO UPDATE SET
    claimed_until = excluded.claimed_until,
    fingerprint = excluded.fingerprint,
    created_at = CASE WHEN k.created_at < now() - $5::interval THEN now() ELSE k.created_at END,
    resource = CASE WHEN k.created_at < now() - $5::interval THEN NULL ELSE k.resource END,
    status = NULL,
    body = NULL
WHERE k.created_at < now() - $5::interval
   OR (k.status IS NULL AND k.claimed_until < clock_timestamp()
       AND (k.fingerprint = excluded.fingerprint OR k.resource IS NULL))
RETURNING k.claimed_until, k.resource
"""
FIND = "SELECT fingerprint, status, body FROM idempotency_keys WHERE scope = $1 AND key = $2"
KEEP = f"""
UPDATE idempotency_keys SET status = $4, body = $5 WHERE {_HELD}
"""
# A key under which nothing was begun can be used again, also with another body.
RELEASE = f"""
WITH unused AS (
    DELETE FROM idempotency_keys
    WHERE {_HELD} AND status IS NULL AND resource IS NULL
)
UPDATE idempotency_keys SET claimed_until = clock_timestamp()
WHERE {_HELD} AND status IS NULL AND resource IS NOT NULL
"""
PURGE = """
DELETE FROM idempotency_keys WHERE (scope, key) IN (
    SELECT scope, key FROM idempotency_keys WHERE created_at < now() - $1::interval LIMIT $2)
"""


def fingerprint(body: Any) -> str:
    """Equal for bodies that say the same, however they are written."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


async def claim(database: Database, scope: str, key: str, body_print: str, deadline: Deadline) -> Claim | StoredAnswer:
    """Claim the key, or get the answer that its holder gives."""
    for looks in range(10_000):
        async with database.connection() as conn:
            found = await _claim_or_find(conn, scope, key, body_print)
        if found is not None:
            return found
        pause = _LOOK_AGAIN[min(looks, len(_LOOK_AGAIN) - 1)]
        if deadline.remaining - pause < _LEAST_TIME:
            break
        await asyncio.sleep(pause)
    raise InFlightError(
        "idempotency_in_flight", "A request with this Idempotency-Key is still in progress. Send it again in a second."
    )


async def _claim_or_find(conn: Connection, scope: str, key: str, body_print: str) -> Claim | StoredAnswer | None:
    row = await conn.fetchrow(CLAIM, scope, key, body_print, LEASE, KEPT_FOR)
    if row is not None:
        return Claim(scope=scope, key=key, until=row["claimed_until"], resource=row["resource"])
    kept = await conn.fetchrow(FIND, scope, key)
    if kept is None:
        return None
    if kept["fingerprint"] != body_print:
        raise KeyReusedError(
            "idempotency_key_reused", "This Idempotency-Key was already used with a different body. Use a new key."
        )
    return StoredAnswer(kept["status"], kept["body"]) if kept["status"] is not None else None


async def keep(database: Database, ours: Claim, status: int, body: str) -> None:
    """Answer every repeat of the request with this from now on; does nothing once the lease is lost."""
    async with database.connection() as conn:
        await conn.execute(KEEP, *ours.lease, status, body)


async def release(database: Database, ours: Claim) -> None:
    """Let the next request with this key go on at once."""
    async with database.connection() as conn:
        await conn.execute(RELEASE, *ours.lease)


async def purge(database: Database) -> None:
    """Delete all keys whose day is over."""
    await in_batches(database, PURGE, KEPT_FOR)
