"""The Wix app's dashboard: jobs that a site's owner asks for, watches, cancels, and takes the file of."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime
from pydantic.alias_generators import to_camel

from hingecraft.errors import ErrorCode
from hingecraft.identity.principal import Actor, Kind
from hingecraft.jobs import service
from hingecraft.jobs.model import MOST_UNFINISHED, Job, NewJob, State, unknown_job
from hingecraft.jobs.worker import JobWorker
from hingecraft.payments import export
from hingecraft.payments.history import Position
from hingecraft.routes.model import timestamp
from hingecraft_api.handlers.pagination import CURSOR, CursorQuery, cursor_of
from hingecraft_api.handlers.wix.payment_filters import PaymentFilterInput
from hingecraft_api.messages.answers import Answer
from hingecraft_api.messages.bodies import Input, wrong_field
from hingecraft_api.messages.described import JOB, LATER, MOMENT, described
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint
from hingecraft_api.web.streams import Stream

_PATH, _TAG = "/api/v1/wix/jobs", "Wix app"
_OWNERS = (Kind.WIX_OWNER,)

JobType = Literal["export", "reconcile", "resync"]


class JobInput(Input):
    """The job to run."""

    type: Annotated[
        JobType,
        described(
            "`export`: a CSV file of payments; `reconcile`: ask the providers and Wix about everything that is open; "
            "`resync`: publish the routes, and wait until all pods and Wix endpoints have them",
            "export",
        ),
    ]
    filters: Annotated[
        PaymentFilterInput | None, described("which payments an export has; by default all. Not for other types")
    ] = None


class JobCreatedAnswer(Answer):
    """The new job. A pod starts it within a second or two."""

    job_id: Annotated[str, described("the job's id", JOB)]


class JobAnswer(Answer):
    """A job and its progress."""

    job_id: Annotated[str, described("its id", JOB)]
    type: Annotated[JobType, described("what it does", "export")]
    filters: Annotated[dict[str, str], described("which payments an export has", {"status": "completed"})]
    status: Annotated[State, described("how far it is; the last three are final", "processing")]
    progress_percent: Annotated[int, described("how much of the work is done; 100 when it is completed", 42)]
    current_step: Annotated[
        str | None, described("what is being done now, for people", "Reading payments: 420,000 of 1,000,000")
    ]
    result: Annotated[
        dict[str, Any] | None,
        described(
            "what was done: of an export `rows` and `bytes`, of a reconciliation its counts and `reasons`, of a "
            "resync the `version` with `pods` and `endpoints`; null until it has ended",
            {"rows": 1000000, "bytes": 178000000},
        ),
    ]
    error: Annotated[str | None, described("why it failed, for people", None)]
    has_file: Annotated[bool, described("whether `GET /api/v1/wix/jobs/{id}/result` has its file", False)]
    created_at: Annotated[AwareDatetime, described("when it was asked for", MOMENT)]
    started_at: Annotated[AwareDatetime | None, described("when a pod began with it", MOMENT)]
    updated_at: Annotated[AwareDatetime, described("the last report; every few seconds while it is processed", MOMENT)]
    finished_at: Annotated[AwareDatetime | None, described("when it ended", None)]
    expires_at: Annotated[
        AwareDatetime | None, described("when it is deleted with its file; null until it ends", LATER)
    ]


class JobsAnswer(Answer):
    """A page of jobs, newest first."""

    items: Annotated[list[JobAnswer], described("the jobs")]
    next_cursor: Annotated[str | None, described("`cursor` of the next page; null on the last one", CURSOR)]


async def post_job(call: Call) -> Any:
    """Any pod may run the job; this one is woken at once."""
    body: JobInput = call.body
    if body.filters is not None and body.type != export.KIND:
        raise wrong_field("invalid_request", "filters", "is for the type export only")
    request = body.filters.wanted.stored if body.filters is not None else {}
    new = NewJob(owner=call.principal.actor, kind=body.type, request=request, request_id=call.request_id)
    job = await service.create(call.pod.database, new, call.claim)
    call.pod.parts[JobWorker].wake()
    return {"jobId": str(job.id)}


async def get_jobs(call: Call) -> Any:
    page: CursorQuery = call.query
    after = (page.after.created_at, page.after.id) if page.after is not None else None
    jobs, following = await service.page(call.pod.database, call.principal.actor, after, page.limit)
    return {
        "items": [_shown(job) for job in jobs],
        "nextCursor": cursor_of(Position(*following) if following is not None else None),
    }


async def get_job(call: Call) -> Any:
    return _shown(await service.one(call.pod.database, _job_id(call), call.principal.actor))


async def get_result(call: Call) -> Any:
    job = await service.open_file(call.pod.database, _job_id(call), _actor(call))
    name = f"payments-{job.created_at:%Y-%m-%d}.csv"
    return Stream(
        parts=service.read_file(call.pod.database, job),
        content_type="text/csv; charset=utf-8",
        headers={
            "Cache-Control": "private, no-store",
            "Content-Disposition": f'attachment; filename="{name}"',
            "Content-Length": str((job.result or {})["bytes"]),
        },
    )


async def delete_job(call: Call) -> Any:
    return _shown(await service.cancel(call.pod.database, _job_id(call), _actor(call)))


def _actor(call: Call) -> Actor:
    return Actor(name=call.principal.actor, request_id=call.request_id)


def _job_id(call: Call) -> UUID:
    try:
        return UUID(call.named("id"))
    except ValueError:
        raise unknown_job() from None


def _shown(job: Job) -> dict[str, Any]:
    return {
        "jobId": str(job.id),
        "type": job.kind,
        "filters": job.request,
        "status": job.state,
        "progressPercent": job.progress_percent,
        "currentStep": job.step,
        "result": {to_camel(name): value for name, value in job.result.items()} if job.result is not None else None,
        "error": job.error,
        "hasFile": job.has_file,
        "createdAt": timestamp(job.created_at),
        "startedAt": _moment(job.started_at),
        "updatedAt": timestamp(job.progressed_at),
        "finishedAt": _moment(job.finished_at),
        "expiresAt": _moment(job.expires_at),
    }


def _moment(moment: datetime | None) -> str | None:
    return timestamp(moment) if moment is not None else None


def _endpoint(method: str, path: str, handler: Any, summary: str, description: str, **more: Any) -> Endpoint:
    errors: tuple[ErrorCode, ...] = ("database_unavailable", *more.pop("errors", ()))
    return Endpoint(
        method=method,
        path=_PATH + path,
        handler=handler,
        summary=summary,
        description=description,
        tag=_TAG,
        access=_OWNERS,
        errors=errors,
        **more,
    )


_JOB_ID = {"id": {"type": "string", "description": "the job's id", "examples": [JOB]}}

ENDPOINTS = [
    _endpoint(
        "POST",
        "",
        post_job,
        "Begin a job",
        "Long work, which the pods do in the background: poll `GET /api/v1/wix/jobs/{id}`. If the pod that works on "
        f"it ends, another one goes on. A site can have {MOST_UNFINISHED} unfinished jobs.",
        answer=JobCreatedAnswer,
        body=JobInput,
        status=HTTPStatus.ACCEPTED,
        idempotent=True,
        errors=("too_many_jobs",),
    ),
    _endpoint(
        "GET",
        "",
        get_jobs,
        "List a site's jobs",
        "Newest first, page by page; those that ended more than seven days ago are deleted.",
        answer=JobsAnswer,
        query=CursorQuery,
        errors=("invalid_cursor",),
    ),
    _endpoint(
        "GET",
        "/{id}",
        get_job,
        "Read a job",
        "While it is processed, `updatedAt` and what has been done are at most five seconds old.",
        answer=JobAnswer,
        parts=_JOB_ID,
        errors=("unknown_job",),
    ),
    _endpoint(
        "GET",
        "/{id}/result",
        get_result,
        "Download the file of an export",
        "CSV in UTF-8 with a line of names, newest payments first. A text that a spreadsheet would run as a formula "
        "begins with an apostrophe. Each download has a row in the audit log.",
        media="text/csv",
        parts=_JOB_ID,
        errors=("no_job_file", "unknown_job"),
    ),
    _endpoint(
        "DELETE",
        "/{id}",
        delete_job,
        "Cancel a job",
        "Whether it waits or runs. What a reconciliation has booked by then stays; the file of an export is deleted. "
        "Cancelling it again changes nothing.",
        answer=JobAnswer,
        parts=_JOB_ID,
        errors=("job_ended", "unknown_job"),
    ),
]
