"""Works on jobs in every pod. A job is leased by one process at a time; when that one dies, another takes over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import Any

from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.jobs import store
from hingecraft.jobs.model import LEASE, MOST_ATTEMPTS, JobFailedError, LeaseLostError, State
from hingecraft.jobs.running import RunningJob, Work
from hingecraft.leases.backoff import between

log = logging.getLogger(__name__)

# Seconds. Owners are promised a report every five.
_REPORTS_EVERY = 2.0
# In seconds. A job that another pod has created is found this late; one of this pod, at once.
_POLL_EVERY = (1.0, 2.0)
_AGAIN_AFTER = 0.5
# Two, so that an export need not wait for a reconciliation, which waits for providers.
_AT_ONCE = 2

_INTERRUPTED = (
    f"The work was interrupted {MOST_ATTEMPTS} times. Start it again; if that fails too, tell the people who run the "
    "backend."
)
_BUG = "Something went wrong on our side; it has been reported."

Observe = Callable[[str, State, float], None]


class JobWorker:
    """Takes jobs of the given kinds, until cancelled."""

    def __init__(self, database: Database, works: Iterable[Work], observe: Observe) -> None:
        self._database = database
        self._works = {work.kind: work for work in works}
        self._observe = observe
        self._new = asyncio.Event()

    def wake(self) -> None:
        """Look for a new job at once."""
        self._new.set()

    async def run(self) -> None:
        """Work until cancelled; a job that is under way is then given back."""
        async with asyncio.TaskGroup() as places:
            for _ in range(_AT_ONCE):
                places.create_task(self._place())

    async def _place(self) -> None:
        while True:
            try:
                is_free = not await self._one()
            except DatabaseUnavailableError as error:
                log.warning("jobs wait: %s", error)
                is_free = True
            if is_free:
                await self._wait()

    async def _wait(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(between(*_POLL_EVERY)):
                await self._new.wait()
        self._new.clear()

    async def _one(self) -> bool:
        """Work on a job; False if none waits."""
        async with self._database.connection() as conn:
            claimed = await store.claim(conn, list(self._works))
        if claimed is None:
            return False
        job = RunningJob(self._database, claimed)
        try:
            await self._work_on(job)
        except LeaseLostError:
            log.info("job %s was cancelled, or another process works on it", claimed.id)
        except DatabaseUnavailableError as error:
            log.warning("job %s is interrupted: %s", claimed.id, error)
            await _interrupt(job)
        except asyncio.CancelledError:
            with suppress(DatabaseUnavailableError):  # the lease ends by itself
                await job.give_back(interrupted=False)
            raise
        return True

    async def _work_on(self, job: RunningJob) -> None:
        claimed = job.claimed
        if claimed.attempts > MOST_ATTEMPTS:
            await self._end(job, State.FAILED, None, _INTERRUPTED)
            return
        try:
            result = await self._reporting(job)
        except JobFailedError as error:
            await self._end(job, State.FAILED, error.result, error.sentence)
        except (LeaseLostError, DatabaseUnavailableError):
            raise
        except Exception:
            log.exception("job %s (%s) failed", claimed.id, claimed.kind, extra={"request_id": claimed.request_id})
            await self._end(job, State.FAILED, None, _BUG)
        else:
            await self._end(job, State.COMPLETED, result, None)

    async def _reporting(self, job: RunningJob) -> Mapping[str, Any]:
        """Do the work, and report its progress meanwhile. If the lease is lost, the work is cancelled."""
        work = asyncio.create_task(self._works[job.claimed.kind].run(job))
        reports = asyncio.create_task(_keep_reporting(job))
        try:
            await asyncio.wait({work, reports}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                reports.result()
            return await work
        finally:
            for task in (work, reports):
                task.cancel()
            await asyncio.gather(work, reports, return_exceptions=True)

    async def _end(self, job: RunningJob, state: State, result: Mapping[str, Any] | None, error: str | None) -> None:
        seconds = await job.finish(state, result, error)
        self._observe(job.claimed.kind, state, seconds)


async def _keep_reporting(job: RunningJob) -> None:
    """Ends with an error once the lease is lost: it was taken, or could not be renewed in time."""
    loop = asyncio.get_running_loop()
    renewed_at = loop.time()
    while True:
        await asyncio.sleep(_REPORTS_EVERY)
        try:
            await job.report()
        except DatabaseUnavailableError:
            if loop.time() - renewed_at > LEASE.total_seconds():
                raise
        else:
            renewed_at = loop.time()


async def _interrupt(job: RunningJob) -> None:
    """Give the job back as soon as the database is there again, at the latest when the lease ends by itself."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LEASE.total_seconds()):
            while True:
                try:
                    await job.give_back(interrupted=True)
                except DatabaseUnavailableError:
                    await asyncio.sleep(_AGAIN_AFTER)
                else:
                    return
