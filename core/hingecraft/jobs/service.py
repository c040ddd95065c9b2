"""Jobs as their owners ask for, watch and cancel them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from uuid import UUID

from hingecraft import audit
from hingecraft.db.batches import in_batches
from hingecraft.db.connection import Connection, Database
from hingecraft.errors import HingecraftError
from hingecraft.idempotency.model import Claim, key_taken_over
from hingecraft.identity.principal import Actor
from hingecraft.jobs import store
from hingecraft.jobs.model import KEPT_FOR, Job, NewJob, State, job_ended, no_file, too_many_jobs, unknown_job


class IncompleteFileError(HingecraftError):
    """A file was deleted while it was read."""


async def create(database: Database, new: NewJob, claim: Claim | None) -> Job:
    """Put a job into the queue; a repeat under the same idempotency key answers with the same job."""
    async with database.transaction() as conn:
        if claim is not None and claim.resource is not None:
            earlier = await store.find(conn, UUID(claim.resource), new.owner)
            if earlier is not None:
                return earlier
        job = await store.create(conn, new)
        if job is None:
            raise too_many_jobs()
        if claim is not None and not await store.hold_key(conn, claim, job.id):
            raise key_taken_over()
        await _record(conn, "job_created", job, Actor(name=new.owner, request_id=new.request_id))
    return job


async def one(database: Database, job_id: UUID, owner: str) -> Job:
    """A job of this owner; raises `unknown_job`."""
    async with database.connection() as conn:
        found = await store.find(conn, job_id, owner)
    if found is None:
        raise unknown_job()
    return found


async def page(
    database: Database, owner: str, after: tuple[datetime, UUID] | None, limit: int
) -> tuple[list[Job], tuple[datetime, UUID] | None]:
    """Jobs of this owner, newest first, and where the next page begins."""
    async with database.connection() as conn:
        jobs = await store.page(conn, owner, after, limit + 1)
    shown = jobs[:limit]
    return shown, (shown[-1].created_at, shown[-1].id) if len(jobs) > limit else None


async def cancel(database: Database, job_id: UUID, actor: Actor) -> Job:
    """End a job, whether it waits or runs. Cancelling it again changes nothing; raises `job_ended` if it has ended."""
    async with database.transaction() as conn:
        job = await store.cancel(conn, job_id, actor.name)
        if job is not None:
            await _record(conn, "job_cancelled", job, actor)
            return job
        found = await store.find(conn, job_id, actor.name)
    if found is None:
        raise unknown_job()
    if found.state is not State.CANCELLED:
        raise job_ended(found)
    return found


async def open_file(database: Database, job_id: UUID, actor: Actor) -> Job:
    """The job whose file is about to be read, which is recorded; raises `unknown_job` or `no_job_file`."""
    job = await one(database, job_id, actor.name)
    if not job.has_file:
        raise no_file(job)
    async with database.transaction() as conn:
        await _record(conn, "job_file_read", job, actor)
    return job


async def read_file(database: Database, job: Job) -> AsyncGenerator[bytes, None]:
    """The file part by part; no connection is held while the reader takes a part."""
    for number in range(1, job.parts + 1):
        async with database.connection() as conn:
            body = await store.part(conn, job.id, number)
        if body is None:
            raise IncompleteFileError(f"part {number} of the file of job {job.id} was deleted")
        yield body.encode()


async def purge(database: Database) -> None:
    """Delete all jobs that ended seven days ago, with their files."""
    await in_batches(database, store.PURGE, KEPT_FOR)


async def _record(conn: Connection, action: str, job: Job, actor: Actor) -> None:
    await audit.append(
        conn,
        actor=actor.name,
        action=action,
        request_id=actor.request_id,
        jobId=str(job.id),
        type=job.kind,
        request=job.request,
    )
