"""The tables `provider_events` and `provider_event_ids`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import asyncpg

from hingecraft.db.connection import Connection
from hingecraft.inbox.model import GIVEN_UP_AFTER, LEASE, OVERDUE, Claimed, InboundEvent
from hingecraft.leases import statements

_KEY = "id", "received_at"
_HELD = statements.held(*_KEY)

# In the order of their keys, so that two pods with the same events never deadlock.
STORE = """
WITH given AS (
    SELECT DISTINCT ON (source, event_id) source, event_id, type, body, must_ask, leased
    FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::boolean[], $6::boolean[])
        AS g (source, event_id, type, body, must_ask, leased)
    ORDER BY source, event_id
), fresh AS (
    INSERT INTO provider_event_ids (source, event_id) SELECT source, event_id FROM given ORDER BY source, event_id
    ON CONFLICT DO NOTHING RETURNING source, event_id
)
INSERT INTO provider_events (source, event_id, type, body, must_ask, claimed_until, next_attempt_at, attempts)
SELECT source, event_id, type, body, must_ask, CASE WHEN leased THEN clock_timestamp() + $7 END,
       CASE WHEN leased THEN clock_timestamp() + $7 ELSE now() END, leased::int
FROM given JOIN fresh USING (source, event_id)
RETURNING id, received_at, source, event_id, attempts, claimed_until
"""
_DUE = f"processed_at IS NULL AND next_attempt_at <= now() AND {statements.FREE}"
DUE = f"SELECT DISTINCT source, must_ask FROM provider_events WHERE {_DUE}"
CLAIM = statements.claim(
    "provider_events e",
    key=_KEY,
    due=f"""
    SELECT id, received_at FROM provider_events
    WHERE {_DUE} AND source = $3 AND must_ask = $5
    ORDER BY next_attempt_at LIMIT $1 FOR UPDATE SKIP LOCKED
    """,
    lease="$2",
    also="next_attempt_at = clock_timestamp() + $2, attempts = e.attempts + 1",
    returning="e.id, e.received_at, e.source, e.event_id, e.type, e.body, e.attempts, e.claimed_until, e.must_ask, "
    "e.received_at < now() - $4::interval AS overdue",
)
# This attempt does not count.
ASK_FIRST = f"""
UPDATE provider_events SET must_ask = true, claimed_until = NULL, next_attempt_at = now(), attempts = attempts - 1
WHERE {_HELD} AND processed_at IS NULL
"""
MARK_PROCESSED = """
UPDATE provider_events e SET processed_at = now(), claimed_until = NULL, error = NULL, ignored_because = $4,
    payment_id = g.payment_id
FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $5::uuid[])
    AS g (id, received_at, claimed_until, payment_id)
WHERE e.id = g.id AND e.received_at = g.received_at AND e.claimed_until = g.claimed_until AND e.processed_at IS NULL
RETURNING true
"""
# One by its key, so that only the partition of its month is opened.
MARK_ONE_PROCESSED = f"""
UPDATE provider_events SET processed_at = now(), claimed_until = NULL, error = NULL, ignored_because = $4,
    payment_id = $5
WHERE {_HELD} AND processed_at IS NULL
RETURNING true
"""
POSTPONE = f"""
UPDATE provider_events SET claimed_until = NULL, next_attempt_at = now() + $4, error = $5
WHERE {_HELD} AND processed_at IS NULL
"""
# An interrupted attempt does not count. Processed or postponed events have no lease any more.
GIVE_BACK = """
UPDATE provider_events e SET claimed_until = NULL, next_attempt_at = now(), attempts = e.attempts - 1
FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) AS g (id, received_at, claimed_until)
WHERE e.id = g.id AND e.received_at = g.received_at AND e.claimed_until = g.claimed_until AND e.processed_at IS NULL
"""
# Reasons may be long: the index holds their beginnings.
REOPEN = """
WITH ignored AS (
    SELECT id, received_at FROM provider_events
    WHERE source = $1 AND "left"(ignored_because, 200) = ANY ($2) AND ignored_because = ANY ($3)
    LIMIT $4 FOR UPDATE SKIP LOCKED
)
UPDATE provider_events e SET processed_at = NULL, ignored_because = NULL, attempts = 0, next_attempt_at = now()
FROM ignored WHERE e.id = ignored.id AND e.received_at = ignored.received_at
RETURNING true
"""
# Its source may have no keys here any more, so this is done for all of them, and not by who claims. An old event that
# was opened again, since its link is saved by now, is tried for some hours first.
GIVE_UP = f"""
WITH old AS (
    SELECT id, received_at FROM provider_events
    WHERE processed_at IS NULL AND received_at < now() - $1::interval
      AND (attempts >= 20 OR next_attempt_at < now() - interval '1 hour')
      AND {statements.FREE}
    ORDER BY received_at LIMIT 100 FOR UPDATE SKIP LOCKED
), given_up AS (
    UPDATE provider_events e SET processed_at = now(), claimed_until = NULL,
        ignored_because = 'given up: ' || coalesce(e.error, 'it was never tried')
    FROM old WHERE e.id = old.id AND e.received_at = old.received_at
    RETURNING e.source, e.event_id, e.type, e.ignored_because
)
INSERT INTO payment_audit (actor, action, request_id, details)
SELECT source, 'event_given_up', event_id, jsonb_build_object('toldBy', type, 'because', ignored_because) FROM given_up
RETURNING actor AS source, request_id AS event_id, details ->> 'because' AS because
"""
WAITING = """
SELECT count(*) AS waiting, coalesce(extract(epoch FROM now() - min(received_at)), 0)::float8 AS oldest
FROM provider_events WHERE processed_at IS NULL
"""
WAITING_BY_ERROR = """
SELECT error, count(*) AS events FROM provider_events
WHERE processed_at IS NULL AND starts_with(error, $1) GROUP BY error
"""
RETRY_NOW = """
UPDATE provider_events SET next_attempt_at = now()
WHERE processed_at IS NULL AND error = ANY ($1::text[]) AND claimed_until IS NULL AND next_attempt_at > now()
"""
STORED_IDS = "SELECT event_id FROM provider_event_ids WHERE source = $1 AND event_id = ANY ($2)"
_LONGEST_ERROR = 500
_INDEXED = 200


@dataclass(frozen=True, slots=True)
class Backlog:
    """The number of waiting events, and the age of the oldest."""

    waiting: int
    oldest: float


async def store(conn: Connection, events: Sequence[InboundEvent]) -> int:
    """Store new events; returns how many were new."""
    return len(await _stored(conn, events, [False] * len(events)))


async def store_and_lease(conn: Connection, events: Sequence[InboundEvent], leased: Sequence[bool]) -> list[Claimed]:
    """Store new events and lease some of them at once; returns those that were new and are leased."""
    bodies = {(event.source, event.event_id): event for event in events}
    return [
        _claimed(bodies[row["source"], row["event_id"]], row)
        for row in await _stored(conn, events, leased)
        if row["claimed_until"] is not None
    ]


async def _stored(conn: Connection, events: Sequence[InboundEvent], leased: Sequence[bool]) -> list[asyncpg.Record]:
    return await conn.fetch(
        STORE,
        [event.source for event in events],
        [event.event_id for event in events],
        [event.type for event in events],
        [event.body for event in events],
        [event.must_ask for event in events],
        leased,
        LEASE,
    )


def _claimed(event: InboundEvent, row: asyncpg.Record) -> Claimed:
    return Claimed(
        id=row["id"],
        received_at=row["received_at"],
        source=event.source,
        event_id=event.event_id,
        type=event.type,
        body=event.body,
        attempts=row["attempts"],
        claimed_until=row["claimed_until"],
        must_ask=event.must_ask,
        overdue=False,
    )


async def due(conn: Connection) -> list[tuple[str, bool]]:
    """The sources that have due events, and whether the source must be asked about some of those."""
    return [(row["source"], row["must_ask"]) for row in await conn.fetch(DUE)]


async def claim(conn: Connection, limit: int, source: str, *, must_ask: bool) -> list[Claimed]:
    """Lease due events of one source, the oldest first."""
    rows = [Claimed(**dict(row)) for row in await conn.fetch(CLAIM, limit, LEASE, source, OVERDUE, must_ask)]
    return sorted(rows, key=lambda event: event.received_at)


async def mark_processed(
    conn: Connection, events: Mapping[Claimed, UUID | None], *, ignored: str | None = None
) -> bool:
    """Mark events as processed, in the transaction of their changes; False if a lease was lost."""
    if len(events) == 1:
        ((event, payment_id),) = events.items()
        return bool(await conn.fetchval(MARK_ONE_PROCESSED, *event.lease, ignored, payment_id))
    ids, received, leases = zip(*(event.lease for event in events), strict=True)
    found = await conn.fetch(MARK_PROCESSED, ids, received, leases, ignored, list(events.values()))
    return len(found) == len(events)


async def ask_first(conn: Connection, event: Claimed) -> None:
    """Move the event to the lane in which its provider is asked."""
    await conn.execute(ASK_FIRST, *event.lease)


async def postpone(conn: Connection, event: Claimed, pause: timedelta, error: str) -> None:
    """Postpone an event that cannot be processed yet."""
    await conn.execute(POSTPONE, *event.lease, pause, storable(error)[:_LONGEST_ERROR])


async def give_back(conn: Connection, events: Sequence[Claimed]) -> None:
    """Release unprocessed events, so that others can claim them at once."""
    await conn.execute(GIVE_BACK, *zip(*(event.lease for event in events), strict=True))


async def give_up(conn: Connection) -> list[asyncpg.Record]:
    """Give up some events that have waited too long; returns them and their errors."""
    return await conn.fetch(GIVE_UP, GIVEN_UP_AFTER)


async def reopen(conn: Connection, source: str, reasons: Sequence[str], limit: int | None = None) -> int:
    """Make events due again that were ignored for one of those reasons; returns how many."""
    return len(await conn.fetch(REOPEN, source, [reason[:_INDEXED] for reason in reasons], reasons, limit))


async def backlog(conn: Connection) -> Backlog:
    """The waiting events."""
    row = await conn.fetchrow(WAITING)
    assert row is not None, "an aggregate always answers a row"
    return Backlog(row["waiting"], row["oldest"])


async def waiting_by_error(conn: Connection, beginning: str) -> dict[str, int]:
    """The waiting events whose error begins so: how many have each error."""
    return {row["error"]: row["events"] for row in await conn.fetch(WAITING_BY_ERROR, beginning)}


async def retry_now(conn: Connection, errors: Sequence[str]) -> None:
    """Make the waiting events with these errors due now, since what they wait for is there."""
    await conn.execute(RETRY_NOW, list(errors))


async def stored_ids(conn: Connection, source: str, event_ids: Sequence[str]) -> set[str]:
    """The ids that are in the inbox already."""
    return {row["event_id"] for row in await conn.fetch(STORED_IDS, source, event_ids)}


def storable(text: str) -> str:
    """Remove what Postgres cannot store from an error's text: NUL, or half of a surrogate pair."""
    return text.encode("utf-8", "replace").decode().replace("\x00", "?")
