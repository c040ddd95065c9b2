"""The state of the routes: the version, the pods that serve it, and what can be switched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hingecraft.db.connection import Database
from hingecraft.routes import served, store
from hingecraft.routes.model import Policy, Problem
from hingecraft.routes.served import Reach

# The last message of each endpoint that arrived is the one of `delivered_version`.
ENDPOINTS = """
SELECT e.name, e.events, e.delivered_version, e.delivered_at, e.failures, e.disabled_at, e.disabled_because,
       round(extract(epoch FROM e.delivered_at - v.generated_at) * 1000)::bigint AS latency_ms,
       waiting.number AS waiting, waiting.answer
FROM webhook_endpoints e
LEFT JOIN payment_routes v ON v.version = e.delivered_version AND 'routes.updated' = ANY (e.events)
CROSS JOIN LATERAL (
    SELECT count(*) AS number, (array_agg(answer ORDER BY next_attempt_at))[1] AS answer
    FROM outbox o WHERE o.endpoint = e.name AND o.state = 'pending'
) waiting
ORDER BY e.name
"""
# What pages offer is in the newest version.
CURRENCIES = """
SELECT c.code, c.name, c.symbol, c.kind, c.enabled, coalesce((r.route ->> 'available')::boolean, false) AS available,
       r.route ->> 'provider' AS provider, r.route ->> 'url' IS NOT NULL AS has_link,
       r.route -> 'wallet' <> 'null' AS has_wallet
FROM currencies c
LEFT JOIN (
    SELECT key AS code, value AS route
    FROM (SELECT routes FROM payment_routes ORDER BY version DESC LIMIT 1) newest CROSS JOIN jsonb_each(newest.routes)
) r ON r.code = c.code
ORDER BY c.kind DESC, c.code
"""
VERSION = """
SELECT version, checksum, generated_at, restored_from FROM payment_routes ORDER BY version DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutesState:
    """Everything that the page about routes shows."""

    # None: no version has been published yet.
    version: dict[str, Any] | None
    policy: Policy
    reach: Reach
    # None: no engine has reported yet.
    reported_at: datetime | None
    endpoints: Sequence[dict[str, Any]]
    currencies: Sequence[dict[str, Any]]
    problems: Sequence[Problem]


async def state(database: Database) -> RoutesState:
    """As it is now."""
    async with database.connection() as conn:
        version = await conn.fetchrow(VERSION)
        endpoints = await conn.fetch(ENDPOINTS)
        currencies = await conn.fetch(CURRENCIES)
        policy = await store.policy(conn)
        problems = await store.problems(conn)
    latest = await served.latest(database)
    reach, reported_at = latest if latest is not None else (served.NOTHING_REPORTED, None)
    return RoutesState(
        version=dict(version) if version is not None else None,
        policy=policy,
        reach=reach,
        reported_at=reported_at,
        endpoints=[dict(row) for row in endpoints],
        currencies=[dict(row) for row in currencies],
        problems=problems,
    )
