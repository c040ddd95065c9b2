"""The tables `jobs` and `job_parts`. A statement that names a lease changes nothing once the lease is lost."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from hingecraft.db.connection import Connection
from hingecraft.idempotency.model import Claim
from hingecraft.jobs.model import (
    LEASE,
    MOST_UNFINISHED,
    STALLED_AFTER,
    Backlog,
    Claimed,
    Job,
    NewJob,
    Progress,
    State,
)
from hingecraft.leases import statements

_HELD = statements.held("id")
_COLUMNS = """
    id, kind, request::text AS request, state, progress_percent, step, parts, result::text AS result, error,
    created_at, started_at, progressed_at, finished_at
"""
# One owner's jobs are created one after the other, so that none exceeds the limit.
LOCK_OWNER = "SELECT pg_advisory_xact_lock(hashtext('hingecraft.jobs'), hashtext($1))"
HOLD_KEY = f"""
UPDATE idempotency_keys SET resource = $4 WHERE {statements.held("scope", "key")} RETURNING true
"""
CREATE = f"""
INSERT INTO jobs (owner, kind, request, request_id)
SELECT $1, $2, $3::jsonb, $4
WHERE (SELECT count(*) FROM jobs WHERE owner = $1 AND finished_at IS NULL) < $5
RETURNING {_COLUMNS}
"""
FIND = f"SELECT {_COLUMNS} FROM jobs WHERE id = $1 AND owner = $2"
PAGE = f"""
SELECT {_COLUMNS} FROM jobs
WHERE owner = $1 AND ($2::timestamptz IS NULL OR (created_at, id) < ($2, $3))
ORDER BY created_at DESC, id DESC LIMIT $4
"""
CLAIM = statements.claim(
    "jobs j",
    key=("id",),
    due=f"""
    SELECT id FROM jobs WHERE finished_at IS NULL AND kind = ANY ($1) AND {statements.FREE}
    ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED
    """,
    lease="$2",
    also="state = 'processing', step = 'Starting', attempts = attempts + 1, progressed_at = clock_timestamp(), "
    "started_at = coalesce(started_at, clock_timestamp())",
    returning="j.id, j.owner, j.kind, j.request::text AS request, j.request_id, j.position::text AS position, "
    "j.attempts, j.created_at, j.claimed_until",
)
# Work that was interrupted may begin again from its start, and what its owner saw must not go back.
_REPORTED = f"""
    progress_percent = greatest(progress_percent, $3), step = $4, progressed_at = clock_timestamp(),
    {statements.renewed("$5")}
"""
REPORT = f"UPDATE jobs SET {_REPORTED} WHERE {_HELD} RETURNING claimed_until"
# The part and the position behind it are one statement, so a process that takes over repeats and skips nothing.
SAVE = f"""
WITH job AS (
    UPDATE jobs SET {_REPORTED}, position = $6::jsonb, attempts = 0, parts = parts + ($7::text IS NOT NULL)::int
    WHERE {_HELD} RETURNING id, parts, claimed_until
), part AS (
    INSERT INTO job_parts (job_id, number, body) SELECT id, parts, $7 FROM job WHERE $7::text IS NOT NULL
)
SELECT claimed_until FROM job
"""
FINISH = f"""
UPDATE jobs SET state = $3, result = $4::jsonb, error = $5, step = NULL, finished_at = clock_timestamp(),
    progressed_at = clock_timestamp(), claimed_until = NULL,
    progress_percent = CASE WHEN $3 = 'completed' THEN 100 ELSE progress_percent END
WHERE {_HELD} RETURNING extract(epoch FROM finished_at - started_at)::float8 AS seconds
"""
GIVE_BACK = f"UPDATE jobs SET claimed_until = NULL, attempts = attempts - $3 WHERE {_HELD}"
CANCEL = f"""
UPDATE jobs SET state = 'cancelled', step = NULL, finished_at = clock_timestamp(), claimed_until = NULL, parts = 0
WHERE id = $1 AND owner = $2 AND finished_at IS NULL
RETURNING {_COLUMNS}
"""
DROP_PARTS = "DELETE FROM job_parts WHERE job_id = $1"
PART = "SELECT body FROM job_parts WHERE job_id = $1 AND number = $2"
PURGE = """
DELETE FROM jobs WHERE id IN (SELECT id FROM jobs WHERE finished_at < now() - $1::interval LIMIT $2)
"""
BACKLOG = """
SELECT state, count(*) AS jobs, count(*) FILTER (WHERE progressed_at < now() - $1::interval) AS stalled
FROM jobs WHERE finished_at IS NULL GROUP BY state
"""


async def create(conn: Connection, new: NewJob) -> Job | None:
    """In a transaction. None: the owner has too many unfinished jobs."""
    await conn.execute(LOCK_OWNER, new.owner)
    row = await conn.fetchrow(CREATE, new.owner, new.kind, json.dumps(new.request), new.request_id, MOST_UNFINISHED)
    return _job(row) if row else None


async def hold_key(conn: Connection, claim: Claim, job_id: UUID) -> bool:
    """Note under the caller's key which job it has made; False if another request has taken the key over."""
    return bool(await conn.fetchval(HOLD_KEY, *claim.lease, str(job_id)))


async def find(conn: Connection, job_id: UUID, owner: str) -> Job | None:
    """A job of this owner."""
    row = await conn.fetchrow(FIND, job_id, owner)
    return _job(row) if row else None


async def page(conn: Connection, owner: str, after: tuple[datetime, UUID] | None, limit: int) -> list[Job]:
    """Jobs of this owner, newest first."""
    return [_job(row) for row in await conn.fetch(PAGE, owner, *(after or (None, None)), limit)]


async def claim(conn: Connection, kinds: Sequence[str]) -> Claimed | None:
    """Lease the oldest job of these kinds that no process works on."""
    row = await conn.fetchrow(CLAIM, kinds, LEASE)
    if row is None:
        return None
    return Claimed(**{**dict(row), "request": json.loads(row["request"]), "position": json.loads(row["position"])})


async def report(conn: Connection, job_id: UUID, until: datetime, progress: Progress) -> datetime | None:
    """Report progress and renew the lease; returns its new end, None if it is lost."""
    renewed: datetime | None = await conn.fetchval(REPORT, job_id, until, progress.percent, progress.step, LEASE)
    return renewed


async def save(
    conn: Connection, job_id: UUID, until: datetime, progress: Progress, position: Mapping[str, Any], part: str | None
) -> datetime | None:
    """Report progress with the next part of the file and the position behind it, and renew the lease."""
    renewed: datetime | None = await conn.fetchval(
        SAVE, job_id, until, progress.percent, progress.step, LEASE, json.dumps(position), part
    )
    return renewed


async def finish(
    conn: Connection, job_id: UUID, until: datetime, state: State, result: Mapping[str, Any] | None, error: str | None
) -> float | None:
    """End the job; returns the seconds since it was first begun, None if the lease is lost."""
    stored = json.dumps(result) if result is not None else None
    seconds: float | None = await conn.fetchval(FINISH, job_id, until, state, stored, error)
    return seconds


async def give_back(conn: Connection, job_id: UUID, until: datetime, *, interrupted: bool) -> None:
    """Let another process go on with it at once; an interruption counts as an attempt."""
    await conn.execute(GIVE_BACK, job_id, until, 0 if interrupted else 1)


async def cancel(conn: Connection, job_id: UUID, owner: str) -> Job | None:
    """In a transaction. End an unfinished job, also one that is worked on, and delete what it has written."""
    row = await conn.fetchrow(CANCEL, job_id, owner)
    if row is None:
        return None
    await conn.execute(DROP_PARTS, job_id)
    return _job(row)


async def drop_parts(conn: Connection, job_id: UUID) -> None:
    """Delete what the job has written."""
    await conn.execute(DROP_PARTS, job_id)


async def part(conn: Connection, job_id: UUID, number: int) -> str | None:
    """One part of the file; the first is 1."""
    body: str | None = await conn.fetchval(PART, job_id, number)
    return body


async def backlog(conn: Connection) -> Backlog:
    """The unfinished jobs."""
    rows = await conn.fetch(BACKLOG, STALLED_AFTER)
    return Backlog(
        by_state={State(row["state"]): row["jobs"] for row in rows}, stalled=sum(row["stalled"] for row in rows)
    )


def _job(row: asyncpg.Record) -> Job:
    found = dict(row)
    return Job(
        **{
            **found,
            "state": State(found["state"]),
            "request": json.loads(found["request"]),
            "result": json.loads(found["result"]) if found["result"] is not None else None,
        }
    )
