"""A job while this process works on it: its lease, its progress, and the parts of its file."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from hingecraft import audit
from hingecraft.db.connection import Database
from hingecraft.jobs import store
from hingecraft.jobs.model import Claimed, LeaseLostError, Progress, State

BEGUN = Progress(percent=0, step="Starting")


class RunningJob:
    """A job under this process's lease. Each report renews it; raises LeaseLostError once it is lost."""

    def __init__(self, database: Database, claimed: Claimed) -> None:
        self._database = database
        self.claimed = claimed
        self._until = claimed.claimed_until
        self._one_at_a_time = asyncio.Lock()
        # Called for each report, so that it reports the current progress.
        self.progress: Callable[[], Progress] = lambda: BEGUN

    @property
    def position(self) -> Mapping[str, Any]:
        """The position that was saved last, by an earlier process; empty at first."""
        return self.claimed.position

    async def report(self) -> None:
        """Report how far the work has come."""
        async with self._one_at_a_time, self._database.connection() as conn:
            renewed = await store.report(conn, self.claimed.id, self._until, self.progress())
            self._keep(renewed)

    async def save(self, position: Mapping[str, Any], part: str | None = None) -> None:
        """Keep the next part of the file, and the position behind it, from which another process would go on."""
        async with self._one_at_a_time, self._database.connection() as conn:
            renewed = await store.save(conn, self.claimed.id, self._until, self.progress(), position, part)
            self._keep(renewed)

    async def finish(self, state: State, result: Mapping[str, Any] | None, error: str | None) -> float:
        """End the job, and record it; returns the seconds since it was first begun."""
        async with self._one_at_a_time, self._database.transaction() as conn:
            seconds = await store.finish(conn, self.claimed.id, self._until, state, result, error)
            if seconds is None:
                raise LeaseLostError
            if state is not State.COMPLETED:
                await store.drop_parts(conn, self.claimed.id)
            await audit.append(
                conn,
                actor=self.claimed.owner,
                action=f"job_{state}",
                request_id=self.claimed.request_id,
                jobId=str(self.claimed.id),
                type=self.claimed.kind,
                result=result,
                error=error,
            )
        return seconds

    async def give_back(self, *, interrupted: bool) -> None:
        """Let another process go on with it at once; an interruption counts as an attempt."""
        async with self._one_at_a_time, self._database.connection() as conn:
            await store.give_back(conn, self.claimed.id, self._until, interrupted=interrupted)

    def _keep(self, renewed: Any) -> None:
        if renewed is None:
            raise LeaseLostError
        self._until = renewed


class Work(Protocol):
    """The work on jobs of one kind. It may be begun again after any of its steps."""

    @property
    def kind(self) -> str:
        """The name of the kind."""
        ...

    async def run(self, job: RunningJob) -> Mapping[str, Any]:
        """Do the work; returns the job's result. Raises JobFailedError with a sentence for its owner."""
        ...
