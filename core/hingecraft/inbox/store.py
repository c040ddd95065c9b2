"""The tables `provider_events` and `provider_event_ids`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from hingecraft.db.connection import Connection
from hingecraft.inbox.model import LEASE, OVERDUE, Claimed, ProviderEvent

# In the order of their keys, so that two pods that are told the same wait for each other in one direction only.
STORE = """
WITH given AS (
    SELECT DISTINCT ON (source, event_id) source, event_id, type, body
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[]) AS g (source, event_id, type, body)
    ORDER BY source, event_id
), fresh AS (
    INSERT INTO provider_event_ids (source, event_id) SELECT source, event_id FROM given ORDER BY source, event_id
    ON CONFLICT DO NOTHING RETURNING source, event_id
)
INSERT INTO provider_events (source, event_id, type, body)
SELECT source, event_id, type, body FROM given JOIN fresh USING (source, event_id)
RETURNING event_id
"""
CLAIM = """
WITH due AS (
    SELECT id, received_at FROM provider_events
    WHERE processed_at IS NULL AND next_attempt_at <= now() AND source = ANY ($3)
      AND (claimed_until IS NULL OR claimed_until < now())
    ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED
)
UPDATE provider_events e SET claimed_until = clock_timestamp() + $2, next_attempt_at = clock_timestamp() + $2,
    attempts = e.attempts + 1
FROM due WHERE e.id = due.id AND e.received_at = due.received_at
RETURNING e.id, e.received_at, e.source, e.event_id, e.type, e.body, e.attempts, e.claimed_until,
          e.received_at < now() - $4::interval AS overdue
"""
DONE = """
UPDATE provider_events e SET processed_at = now(), claimed_until = NULL, error = NULL, ignored_because = $4,
    payment_id = g.payment_id
FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $5::uuid[])
    AS g (id, received_at, claimed_until, payment_id)
WHERE e.id = g.id AND e.received_at = g.received_at AND e.claimed_until = g.claimed_until AND e.processed_at IS NULL
RETURNING true
"""
LATER = """
UPDATE provider_events SET claimed_until = NULL, next_attempt_at = now() + $4, error = $5
WHERE id = $1 AND received_at = $2 AND claimed_until = $3 AND processed_at IS NULL
"""
REOPEN = """
UPDATE provider_events SET processed_at = NULL, ignored_because = NULL, attempts = 0, next_attempt_at = now()
WHERE source = $1 AND ignored_because = ANY ($2)
RETURNING true
"""
WAITING = """
SELECT count(*) AS waiting, coalesce(extract(epoch FROM now() - min(received_at)), 0)::float8 AS oldest
FROM provider_events WHERE processed_at IS NULL
"""
HAVING = "SELECT event_id FROM provider_event_ids WHERE source = $1 AND event_id = ANY ($2)"
_LONGEST_ERROR = 500


@dataclass(frozen=True, slots=True)
class Backlog:
    """How many events wait, and since when the oldest of them."""

    waiting: int
    oldest: float


async def store(conn: Connection, events: Sequence[ProviderEvent]) -> int:
    """Keep those that are not kept yet; answers how many that were."""
    return len(
        await conn.fetch(
            STORE,
            [event.source for event in events],
            [event.event_id for event in events],
            [event.type for event in events],
            [event.body for event in events],
        )
    )


async def claim(conn: Connection, limit: int, sources: Sequence[str]) -> list[Claimed]:
    """Take what is due, for the length of a lease; the oldest first."""
    rows = [Claimed(**dict(row)) for row in await conn.fetch(CLAIM, limit, LEASE, sources, OVERDUE)]
    return sorted(rows, key=lambda event: event.received_at)


async def done(conn: Connection, events: Mapping[Claimed, UUID | None], *, ignored: str | None = None) -> bool:
    """They are processed, in the transaction of what they have changed; False when a claim is lost."""
    ids, received, claims = zip(*(_claim_of(event) for event in events), strict=True)
    found = await conn.fetch(DONE, ids, received, claims, ignored, list(events.values()))
    return len(found) == len(events)


async def later(conn: Connection, event: Claimed, pause: timedelta, error: str) -> None:
    """It cannot be processed yet."""
    await conn.execute(LATER, *_claim_of(event), pause, error[:_LONGEST_ERROR])


async def reopen(conn: Connection, source: str, reasons: Sequence[str]) -> int:
    """Process again what was ignored for one of those reasons; answers how many events that were."""
    return len(await conn.fetch(REOPEN, source, reasons))


async def backlog(conn: Connection) -> Backlog:
    """What waits."""
    row = await conn.fetchrow(WAITING)
    assert row is not None, "an aggregate always answers a row"
    return Backlog(row["waiting"], row["oldest"])


async def having(conn: Connection, source: str, event_ids: Sequence[str]) -> set[str]:
    """Those of the ids that are in the inbox already."""
    return {row["event_id"] for row in await conn.fetch(HAVING, source, event_ids)}


def _claim_of(event: Claimed) -> tuple[UUID, datetime, datetime]:
    return event.id, event.received_at, event.claimed_until
