"""The tables `outbox` and `webhook_endpoints`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import simplejson

from hingecraft.db.connection import Connection
from hingecraft.leases import statements
from hingecraft.outbox.model import AT_ONCE, LEASE, TRIED_FOR, Endpoint, EndpointState, Message

_KEY = "id", "created_at"
_HELD = statements.held(*_KEY)

SUPERSEDE = """
WITH older AS MATERIALIZED (
    SELECT id, created_at FROM outbox WHERE type = $1 AND state = 'pending' ORDER BY created_at, id FOR UPDATE
)
UPDATE outbox o SET state = 'superseded', finished_at = now()
FROM older WHERE o.id = older.id AND o.created_at = older.created_at
"""
ENQUEUE = """
INSERT INTO outbox (endpoint, type, data)
SELECT name, $1, $2::jsonb FROM webhook_endpoints
WHERE disabled_at IS NULL AND $1 = ANY (events) AND ($3::text[] IS NULL OR name = ANY ($3))
"""
# The sequence is taken while the payment is locked, so that of two events of one payment the later has the larger.
ENQUEUE_MANY = """
WITH numbered AS MATERIALIZED (
    SELECT type, data::jsonb || jsonb_build_object('sequence', nextval('outbox_sequence')) AS data
    FROM unnest($1::text[], $2::text[]) AS n (type, data)
)
INSERT INTO outbox (endpoint, type, data)
SELECT e.name, n.type, n.data FROM numbered n
JOIN webhook_endpoints e ON n.type = ANY (e.events) WHERE e.disabled_at IS NULL
"""
KEEP_ENDPOINT = """
INSERT INTO webhook_endpoints AS kept (name, url, events) VALUES ($1, $2, $3)
ON CONFLICT (name) DO UPDATE SET
    url = excluded.url, events = excluded.events, disabled_at = NULL, disabled_because = NULL, failures = 0,
    delivered_version = NULL
WHERE (kept.url, kept.events) IS DISTINCT FROM (excluded.url, excluded.events)
RETURNING name
"""
DROP_ENDPOINTS = "DELETE FROM webhook_endpoints WHERE NOT name = ANY ($1)"
# Locked in the order in which they were made, by everyone who locks many.
BURY_ORPHANS = """
WITH orphans AS MATERIALIZED (
    SELECT id, created_at FROM outbox
    WHERE state = 'pending'
      AND NOT EXISTS (SELECT FROM webhook_endpoints e WHERE e.name = endpoint AND e.disabled_at IS NULL)
    ORDER BY created_at, id FOR UPDATE
)
UPDATE outbox o SET state = 'dead', finished_at = now(), answer = 'the endpoint is gone'
FROM orphans WHERE o.id = orphans.id AND o.created_at = orphans.created_at
"""
# The endpoint is always locked before its messages, so that processes never deadlock.
HOLD_ENDPOINT = "SELECT FROM webhook_endpoints WHERE name = $1 FOR UPDATE"
# An endpoint that does not answer blocks no other: each has its own slots, minus those in use.
CLAIM = statements.claim(
    "outbox o",
    key=_KEY,
    due=f"""
    SELECT o.id, o.created_at, e.url FROM webhook_endpoints e
    LEFT JOIN unnest($2::text[], $3::int[]) AS taken (endpoint, places) ON taken.endpoint = e.name
    CROSS JOIN LATERAL (
        SELECT id, created_at FROM outbox
        WHERE endpoint = e.name AND state = 'pending' AND type = ANY ($1::text[]) AND next_attempt_at <= now()
          AND {statements.FREE}
        ORDER BY next_attempt_at LIMIT greatest(0, $4 - coalesce(taken.places, 0)) FOR UPDATE SKIP LOCKED
    ) o
    WHERE e.disabled_at IS NULL AND e.name = ANY ($6::text[])
    """,
    lease="$5",
    also="attempts = attempts + 1",
    returning="o.id, o.created_at, o.endpoint, due.url, o.type, o.data::text AS data, o.attempts, o.claimed_until",
)
DELIVERED = f"""
WITH done AS (
    UPDATE outbox SET state = 'delivered', finished_at = now(), answer = $4
    WHERE {_HELD}
    RETURNING endpoint, type, (data ->> 'version')::bigint AS version
)
UPDATE webhook_endpoints e SET failures = 0, delivered_at = now(),
    delivered_version = CASE WHEN done.type = 'routes.updated'
        THEN greatest(e.delivered_version, done.version) ELSE e.delivered_version END
FROM done WHERE e.name = done.endpoint
"""
FAILED = f"""
WITH failed AS (
    UPDATE outbox SET claimed_until = NULL, answer = $4, next_attempt_at = now() + $5,
        state = CASE WHEN state = 'pending' AND now() + $5 > created_at + $6 THEN 'dead' ELSE state END,
        finished_at = CASE WHEN now() + $5 > created_at + $6 THEN now() END
    WHERE {_HELD} RETURNING endpoint
)
UPDATE webhook_endpoints e SET failures = failures + 1 FROM failed WHERE e.name = failed.endpoint
"""
GIVE_BACK = f"""
UPDATE outbox SET claimed_until = NULL
WHERE {_HELD} AND state = 'pending'
"""
DISABLE = """
UPDATE webhook_endpoints SET disabled_at = now(), disabled_because = $2, failures = failures + 1
WHERE name = $1 AND disabled_at IS NULL
"""
# The next message of each endpoint, and the last answer to it.
STATES = """
SELECT e.name, e.events, e.delivered_version, e.failures, e.disabled_because, next.next_attempt_at, next.answer
FROM webhook_endpoints e
LEFT JOIN LATERAL (
    SELECT o.next_attempt_at, o.answer FROM outbox o WHERE o.endpoint = e.name AND o.state = 'pending'
    ORDER BY o.next_attempt_at LIMIT 1
) next ON true
ORDER BY e.name
"""
KEEP_PARTITIONS = """
SELECT hc_keep_partitions('outbox', 3), hc_keep_partitions('payment_audit', 3), hc_keep_partitions('provider_events', 3)
"""


async def supersede(conn: Connection, event: str) -> None:
    """Drop the undelivered messages of that event type: a newer one replaces them."""
    await conn.execute(SUPERSEDE, event)


async def enqueue(conn: Connection, event: str, data: Mapping[str, Any], only: Sequence[str] | None = None) -> None:
    """Write one row for each endpoint that wants the event."""
    await conn.execute(ENQUEUE, event, simplejson.dumps(data), only)


async def enqueue_many(conn: Connection, events: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """One row for each event and each endpoint that wants it."""
    await conn.execute(ENQUEUE_MANY, [event for event, _ in events], [simplejson.dumps(data) for _, data in events])


async def keep_endpoints(conn: Connection, endpoints: Sequence[Endpoint]) -> list[str]:
    """Replace the endpoints in the table; returns the names of new or changed ones."""
    await conn.execute(DROP_ENDPOINTS, [endpoint.name for endpoint in endpoints])
    in_order = sorted(endpoints, key=lambda endpoint: endpoint.name)
    changed = [await conn.fetchval(KEEP_ENDPOINT, e.name, e.url, list(e.events)) for e in in_order]
    await conn.execute(BURY_ORPHANS)
    return [name for name in changed if name]


async def claim(
    conn: Connection, types: Sequence[str], taken: Mapping[str, int], endpoints: Collection[str]
) -> list[Message]:
    """Lease due messages of these types for these endpoints.

    `taken` has the number of messages that are being sent to each endpoint.
    """
    rows = await conn.fetch(CLAIM, types, list(taken), list(taken.values()), AT_ONCE, LEASE, list(endpoints))
    return [Message(**dict(row)) for row in rows]


async def delivered(conn: Connection, message: Message, answer: str) -> None:
    """In a transaction; changes nothing once the lease is lost."""
    await conn.execute(HOLD_ENDPOINT, message.endpoint)
    await conn.execute(DELIVERED, *message.lease, answer)


async def failed(conn: Connection, message: Message, answer: str, pause: timedelta) -> None:
    """In a transaction. Retry after the pause, or give up after a day."""
    await conn.execute(HOLD_ENDPOINT, message.endpoint)
    await conn.execute(FAILED, *message.lease, answer, pause, TRIED_FOR)


async def give_back(conn: Connection, message: Message) -> None:
    """End the lease, so that another process can claim the message at once."""
    await conn.execute(GIVE_BACK, *message.lease)


async def disable(conn: Connection, message: Message, because: str) -> None:
    """Disable an endpoint that answered that it wants no more messages."""
    await conn.execute(DISABLE, message.endpoint, because)
    await conn.execute(BURY_ORPHANS)


async def endpoints(conn: Connection) -> list[asyncpg.Record]:
    """Every endpoint with its state."""
    rows: list[asyncpg.Record] = await conn.fetch("SELECT * FROM webhook_endpoints ORDER BY name")
    return rows


async def states(conn: Connection) -> list[EndpointState]:
    """The state of each endpoint, and its next message."""
    rows = await conn.fetch(STATES)
    return [EndpointState(**{**dict(row), "events": tuple(row["events"])}) for row in rows]


async def keep_partitions(conn: Connection) -> None:
    """Create the partitions of the next months."""
    await conn.execute(KEEP_PARTITIONS)
