"""The queries for due checkouts, and the record of each run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from hingecraft.db.connection import Connection
from hingecraft.leases import statements
from hingecraft.payments.model import Status
from hingecraft.providers.port import CheckoutProvider
from hingecraft.reconcile.model import LEASE, SETTLES_WITHIN, STRANDED_AFTER, Due
from hingecraft.steps import Summary

_HELD = statements.held("id")
_COLUMNS = """
    e.id, e.payment_id, e.provider, e.provider_id, e.status, e.request::text AS request, e.idempotency_key,
    e.created_at, now() - e.created_at AS age, coalesce(e.expires_at < now(), false) AS expired,
    p.status AS payment_status, coalesce(p.provider, '') AS payment_provider, e.claimed_until
"""
# Live keys do not know the objects of test keys, and the reverse.
_DUE = """
    e.kind = 'single' AND e.status = ANY ($1) AND e.status IN ('creating', 'unknown', 'pending')
    AND e.provider = ANY ($2) AND coalesce(e.livemode = (e.provider = ANY ($3)), true)
    AND ($4 OR e.next_check_at <= now()) AND (e.status = 'pending' OR e.created_at < now() - $5::interval)
"""
CLAIM = statements.claim(
    "external_payments e",
    key=("id",),
    due=f"""
    SELECT e.id, e.payment_id FROM external_payments e
    WHERE {_DUE} AND (e.checked_at IS NULL OR e.checked_at < $6) AND {statements.FREE}
    ORDER BY e.next_check_at LIMIT $7 FOR UPDATE SKIP LOCKED
    """,
    lease="$8",
    joined="payments p ON p.id = due.payment_id",
    returning=_COLUMNS,
)
LIST = f"""
SELECT {_COLUMNS} FROM external_payments e JOIN payments p ON p.id = e.payment_id
WHERE {_DUE} AND e.id > $6 ORDER BY e.id LIMIT $7
"""
# All checkouts of the payment are locked, in the order of `payments.books`: a refund at the same moment takes the same.
HELD = f"""
WITH checkouts AS MATERIALIZED (
    SELECT id, claimed_until FROM external_payments WHERE payment_id = $3 ORDER BY id FOR UPDATE
)
SELECT true FROM checkouts WHERE {_HELD}
"""
RECORD_CHECK = f"""
UPDATE external_payments SET checked_at = now(), claimed_until = NULL, next_check_at = now() + $3
WHERE {_HELD}
"""
RECORD_PROVIDER_ID = """
UPDATE external_payments SET provider_id = $2, updated_at = now() WHERE id = $1 AND provider_id IS NULL
"""
CLOSE = """
UPDATE external_payments SET status = 'expired', updated_at = now()
WHERE id = $1 AND status IN ('creating', 'unknown')
"""
CURSOR = "SELECT read_until FROM reconcile_cursors WHERE provider = $1"
MOVE_CURSOR = """
INSERT INTO reconcile_cursors AS c (provider, read_until) VALUES ($1, $2)
ON CONFLICT (provider) DO UPDATE SET read_until = greatest(c.read_until, excluded.read_until), updated_at = now()
"""
RECORD_RUN = "INSERT INTO reconcile_runs (started_at, succeeded, summary) VALUES ($1, $2, $3::jsonb)"
LAST_RUN = """
SELECT extract(epoch FROM finished_at)::float8 AS finished_at, succeeded, summary::text AS summary
FROM reconcile_runs ORDER BY finished_at DESC LIMIT 1
"""
RUNS_AFTER = "SELECT finished_at, succeeded FROM reconcile_runs WHERE finished_at > $1 ORDER BY finished_at"
FORGET = "SELECT hc_forget($1)"
# The checkout of such a payment is not checked any more, so nothing else would end the payment.
CLOSE_STRANDED = """
WITH stranded AS (
    SELECT p.id, p.status AS before, CASE newest.status WHEN 'expired' THEN 'expired' ELSE 'failed' END AS after
    FROM payments p CROSS JOIN LATERAL (
        SELECT e.status FROM external_payments e WHERE e.payment_id = p.id AND e.kind = 'single'
        ORDER BY e.created_at DESC, e.updated_at DESC LIMIT 1
    ) newest
    WHERE p.status IN ('creating', 'unknown') AND p.created_at < now() - $2::interval AND p.source IS NOT NULL
      AND newest.status IN ('failed', 'expired', 'error')
      AND NOT EXISTS (SELECT FROM external_payments e WHERE e.payment_id = p.id AND e.kind = 'single'
                      AND e.status IN ('creating', 'unknown', 'pending', 'awaiting_confirmation'))
    LIMIT 100 FOR UPDATE OF p SKIP LOCKED
), closed AS (
    UPDATE payments p SET status = stranded.after, updated_at = now() FROM stranded WHERE p.id = stranded.id
    RETURNING p.id, stranded.before, stranded.after
)
INSERT INTO payment_audit (actor, action, payment_id, details)
SELECT $1, 'payment_closed', id,
       jsonb_build_object('from', before, 'to', after, 'because', 'its checkout has ended') FROM closed
RETURNING true
"""
_BEFORE_ALL = UUID(int=0)


async def claim(
    conn: Connection,
    statuses: Sequence[Status],
    providers: Sequence[CheckoutProvider],
    since: datetime,
    *,
    every: bool,
    limit: int,
) -> list[Due]:
    """Lease some of the due checkouts that were not checked since then."""
    asked = (*_names(providers), every, SETTLES_WITHIN)
    return [_due(row) for row in await conn.fetch(CLAIM, statuses, *asked, since, limit, LEASE)]


async def due_after(
    conn: Connection,
    statuses: Sequence[Status],
    providers: Sequence[CheckoutProvider],
    after: UUID | None,
    *,
    every: bool,
    limit: int,
) -> list[Due]:
    """Some of the due checkouts, in the order of their ids, without a lease: for a dry run."""
    asked = (*_names(providers), every, SETTLES_WITHIN)
    return [_due(row) for row in await conn.fetch(LIST, statuses, *asked, after or _BEFORE_ALL, limit)]


def _names(providers: Sequence[CheckoutProvider]) -> tuple[list[str], list[str]]:
    """The providers' names, and the names of those with live keys."""
    return [each.name for each in providers], [each.name for each in providers if each.livemode]


def _due(row: asyncpg.Record) -> Due:
    found = dict(row)
    return Due(
        **{
            **found,
            "status": Status(found["status"]),
            "payment_status": Status(found["payment_status"]),
            "request": json.loads(found["request"] or "{}"),
        }
    )


async def held(conn: Connection, due: Due) -> bool:
    """Whether we still hold the lease; if so, until this transaction ends. Locks the checkouts of the payment."""
    return due.claimed_until is None or bool(await conn.fetchval(HELD, due.id, due.claimed_until, due.payment_id))


async def record_check(conn: Connection, due: Due, pause: timedelta) -> None:
    """Record the check, and the time of the next one."""
    await conn.execute(RECORD_CHECK, due.id, due.claimed_until, pause)


async def record_provider_id(conn: Connection, due: Due, provider_id: str) -> None:
    """Record the checkout's id at its provider."""
    await conn.execute(RECORD_PROVIDER_ID, due.id, provider_id)


async def close(conn: Connection, due: Due) -> None:
    """Close a checkout that cannot be paid any more because its payment has another way to pay."""
    await conn.execute(CLOSE, due.id)


async def cursor(conn: Connection, provider: CheckoutProvider) -> datetime | None:
    """The time up to which all the provider's events, in the mode of its keys, are in the inbox."""
    found: datetime | None = await conn.fetchval(CURSOR, _cursor_of(provider))
    return found


async def move_cursor(conn: Connection, provider: CheckoutProvider, until: datetime) -> None:
    """Record that all events up to that time are in the inbox."""
    await conn.execute(MOVE_CURSOR, _cursor_of(provider), until)


def _cursor_of(provider: CheckoutProvider) -> str:
    """The cursor's name: live and test events have one each."""
    return provider.name if provider.livemode else f"{provider.name}_test"


async def record_run(conn: Connection, started: datetime, summary: Summary) -> None:
    """Record a run."""
    await conn.execute(RECORD_RUN, started, summary.succeeded, json.dumps(asdict(summary)))


async def last_run(conn: Connection) -> asyncpg.Record | None:
    """The newest run."""
    return await conn.fetchrow(LAST_RUN)


async def runs_after(conn: Connection, since: datetime) -> list[tuple[datetime, bool]]:
    """The runs that ended later: each with its end, and whether it succeeded, in that order."""
    return [(row["finished_at"], row["succeeded"]) for row in await conn.fetch(RUNS_AFTER, since)]


async def forget(conn: Connection, days: int) -> int:
    """Delete some data older than that; returns the number of rows, 0 if none is left."""
    gone: int = await conn.fetchval(FORGET, days)
    return gone


async def close_stranded(conn: Connection, actor: str) -> int:
    """End payments whose only checkout has ended; returns how many."""
    return len(await conn.fetch(CLOSE_STRANDED, actor, STRANDED_AFTER))
