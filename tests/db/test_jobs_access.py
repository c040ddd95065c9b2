"""Jobs and their files: the application's role does all that they need, and no role of a platform reads them."""

from __future__ import annotations

from datetime import timedelta

import asyncpg
import pytest

from hingecraft.jobs import store
from hingecraft.jobs.model import NewJob, Progress, State
from hingecraft.payments.export import TOTAL, lines_of
from hingecraft.payments.filters import PaymentFilter
from support.jobs import claimed_export

NEW = NewJob(owner="wix_instance:1", kind="export", request={}, request_id="r")
HALF = Progress(percent=50, step="Half")


@pytest.fixture
async def application(conn):
    await conn.execute("SET ROLE hingecraft_app")
    yield conn
    await conn.execute("RESET ROLE")


async def test_the_application_takes_a_job_from_its_beginning_to_its_end(application):
    job = await store.create(application, NEW)
    claimed = await claimed_export(application)
    assert (claimed.id, claimed.attempts) == (job.id, 1)
    assert await store.claim(application, ["export"]) is None, "it is leased"
    await application.fetch(TOTAL, claimed.created_at, claimed.id, None)
    await application.fetch(lines_of(PaymentFilter()), claimed.created_at, claimed.id, None, 10)
    until = await store.save(application, job.id, claimed.claimed_until, HALF, {"at": 1}, "line\r\n")
    assert await store.report(application, job.id, claimed.claimed_until, HALF) is None, "that lease was renewed"
    assert until is not None
    until = await store.report(application, job.id, until, HALF)
    assert until is not None
    assert await store.finish(application, job.id, until, State.COMPLETED, {"rows": 1}, None) >= 0
    assert await store.part(application, job.id, 1) == "line\r\n"
    assert (await store.find(application, job.id, NEW.owner)).has_file
    assert await application.execute(store.PURGE, timedelta(0), 10) == "DELETE 1"
    assert await store.part(application, job.id, 1) is None


async def test_the_application_cancels_a_job_with_its_file(application):
    job = await store.create(application, NEW)
    claimed = await claimed_export(application)
    until = await store.save(application, job.id, claimed.claimed_until, HALF, {"at": 1}, "line\r\n")
    assert until is not None
    assert (await store.cancel(application, job.id, NEW.owner)).state is State.CANCELLED
    assert await store.part(application, job.id, 1) is None
    assert await store.save(application, job.id, until, HALF, {"at": 2}, "line\r\n") is None
    assert await store.part(application, job.id, 2) is None, "nothing is written without the lease"


async def test_what_the_owner_sees_does_not_go_back_when_a_job_begins_again(application):
    """Its process lost the database: the work is done from its start, and reports less than before."""
    job = await store.create(application, NEW)
    claimed = await claimed_export(application)
    until = await store.report(application, job.id, claimed.claimed_until, HALF)
    assert until is not None
    await store.give_back(application, job.id, until, interrupted=True)
    again = await claimed_export(application)
    assert (again.id, again.attempts) == (job.id, 2)
    until = again.claimed_until
    for percent, shown in ((0, 50), (20, 50), (60, 60)):
        until = await store.report(application, job.id, until, Progress(percent=percent, step=f"{percent} percent"))
        assert until is not None
        found = await store.find(application, job.id, NEW.owner)
        assert (found.progress_percent, found.step) == (shown, f"{percent} percent")


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
async def test_no_role_of_a_platform_reads_jobs(conn, role):
    await conn.execute(f"SET ROLE {role}")
    for table in ("jobs", "job_parts"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.fetch(f"SELECT * FROM {table}")
    await conn.execute("RESET ROLE")
