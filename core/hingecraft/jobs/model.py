"""A job, its states, and the errors that its owner gets. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from hingecraft.errors import ConflictError, HingecraftError, MissingError

# Longer than any single statement takes, and short enough that another pod soon takes over.
LEASE = timedelta(seconds=10)
KEPT_FOR = timedelta(days=7)
# One owner's jobs that wait or run, at a time.
MOST_UNFINISHED = 3
# A job that kills its process must not be started again forever.
MOST_ATTEMPTS = 5
STALLED_AFTER = timedelta(minutes=5)


class State(StrEnum):
    """The state of a job."""

    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewJob:
    """A job to create."""

    owner: str
    kind: str
    request: Mapping[str, Any]
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as its owner sees it."""

    id: UUID
    kind: str
    request: Mapping[str, Any]
    state: State
    progress_percent: int
    step: str | None
    parts: int
    result: Mapping[str, Any] | None
    error: str | None
    created_at: datetime
    started_at: datetime | None
    progressed_at: datetime
    finished_at: datetime | None

    @property
    def expires_at(self) -> datetime | None:
        """When it is deleted, with its file."""
        return self.finished_at + KEPT_FOR if self.finished_at is not None else None

    @property
    def has_file(self) -> bool:
        """Whether its file is complete."""
        return self.state is State.COMPLETED and self.parts > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A job that this process has leased."""

    id: UUID
    owner: str
    kind: str
    request: Mapping[str, Any]
    request_id: str | None
    position: Mapping[str, Any]
    attempts: int
    created_at: datetime
    claimed_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a job has come. `step` says for people what is being done."""

    percent: int
    step: str


class JobFailedError(HingecraftError):
    """The work cannot be completed. The text is for the job's owner; `result` is what was done."""

    def __init__(self, sentence: str, result: Mapping[str, Any] | None = None) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.result = result


class LeaseLostError(HingecraftError):
    """The job was cancelled, or another process works on it now."""


def unknown_job() -> MissingError:
    """The caller has no job with this id."""
    return MissingError(
        "unknown_job", "No job has this id. Jobs are deleted seven days after their end: start it again if you need it."
    )


def too_many_jobs() -> ConflictError:
    """The owner has as many unfinished jobs as allowed."""
    return ConflictError(
        "too_many_jobs",
        f"This site already has {MOST_UNFINISHED} unfinished jobs. Wait until one has ended, or cancel one.",
    )


def job_ended(job: Job) -> ConflictError:
    """The job has ended, so it cannot be cancelled."""
    return ConflictError("job_ended", f"This job has already {job.state}. Nothing is left to cancel.")


def no_file(job: Job) -> ConflictError:
    """The job has no file, or none yet."""
    if job.state in {State.QUEUED, State.PROCESSING}:
        return ConflictError("no_job_file", f"This job is {job.state}. Its file can be read once it is completed.")
    why = "Jobs of this type make no file." if job.state is State.COMPLETED else f"A {job.state} job has no file."
    return ConflictError("no_job_file", why)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """The unfinished jobs of all owners."""

    by_state: Mapping[State, int] = field(default_factory=dict)
    # Without a report for some minutes.
    stalled: int = 0
