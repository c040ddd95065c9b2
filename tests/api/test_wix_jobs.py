"""Jobs of the Wix app's dashboard: who may ask, how many, what an export has, and how one is cancelled."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from hingecraft.jobs import service, watch, worker
from hingecraft.jobs.model import KEPT_FOR, MOST_ATTEMPTS, MOST_UNFINISHED, LeaseLostError, Progress, State
from hingecraft.jobs.running import RunningJob
from hingecraft_api.features.jobs import JOBS as FEATURE
from hingecraft_api.web import streams
from support import wix
from support.jobs import FILL, JOBS, Owner, claimed_export
from support.limits import PROGRESS
from support.pods import running_pod

INSERT = """
INSERT INTO payments (amount, currency, price_currency, status, provider, provider_id, livemode, source, created_at)
VALUES (5, 'USD', 'USD', 'completed', 'stripe', $1, true, $2, now() - interval '1 second')
"""
QUEUED, STALLED = 'hingecraft_jobs_unfinished{state="queued"}', "hingecraft_jobs_stalled"
ACTIONS = "SELECT action FROM payment_audit WHERE action LIKE 'job%' ORDER BY id"


@pytest.fixture
def owner():
    return Owner()


@pytest.fixture
async def pod(dsn, owner):
    async with running_pod(dsn, **owner.settings) as pod:
        yield pod


@pytest.fixture
async def idle(dsn, owner):
    """A pod that takes jobs and does none."""
    async with running_pod(dsn, background=False, **owner.settings) as pod:
        yield pod


async def test_an_export_has_each_payment_once_newest_first(pod, conn, owner):
    await conn.execute(FILL, 25_000)
    assert await pod.metric('hingecraft_job_seconds_count{kind="export"}') is None
    job = await owner.ask(pod)
    done = await owner.ended(pod, job)
    assert (done["status"], done["progressPercent"], done["error"], done["hasFile"]) == ("completed", 100, None, True)
    assert done["result"]["rows"] == 25_000
    rows = await owner.file(pod, job)
    ids = [str(row["id"]) for row in await conn.fetch("SELECT id FROM payments ORDER BY created_at DESC, id DESC")]
    assert [row["id"] for row in rows] == ids
    assert rows[0]["createdAt"].endswith("Z")
    assert [row["action"] for row in await conn.fetch(ACTIONS)] == ["job_created", "job_completed", "job_file_read"]
    await pod.shows('hingecraft_jobs_total{kind="export",state="completed"}', 1)
    await pod.shows('hingecraft_job_seconds_count{kind="export"}', 1)


async def test_an_export_has_the_payments_of_its_filter(pod, conn, owner):
    await conn.execute(FILL, 400)
    today = (await conn.fetchval("SELECT (now() AT TIME ZONE 'UTC')::date")).isoformat()
    tomorrow = (await conn.fetchval("SELECT (now() AT TIME ZONE 'UTC')::date + 1")).isoformat()
    found = {}
    for name, filters in {
        "status and currency": {"status": "expired", "currency": "eur", "provider": "stripe"},
        "nobody": {"provider": "nowpayments"},
        "later": {"from": tomorrow},
        "until now": {"from": "2020-01-01", "to": today},
    }.items():
        job = await owner.ask(pod, filters=filters)
        counted = (await owner.ended(pod, job))["result"]["rows"]
        found[name] = await owner.file(pod, job)
        assert counted == len(found[name])
    kinds = {(row["status"], row["priceCurrency"]) for row in found["status and currency"]}
    assert (kinds, len(found["status and currency"])) == ({("expired", "EUR")}, 20)
    assert (found["nobody"], found["later"], len(found["until now"])) == ([], [], 400)


async def test_no_text_of_an_export_is_a_formula(pod, conn, owner):
    texts = [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        " =1",
        "\t=1",
        "\r=1",
        "\uff1d1",
        '=HYPERLINK("http://a","b")',
        'a"b,c\nd',
        "plain",
    ]
    for text in texts:
        await conn.execute(INSERT, f"id-{uuid4()}", text)
    job = await owner.ask(pod)
    await owner.ended(pod, job)
    written = Counter(row["source"] for row in await owner.file(pod, job))
    assert written == Counter([*(f"'{text}" for text in texts[:-2]), *texts[-2:]])


async def test_a_payment_that_begins_later_is_left_out(idle, conn, dsn, owner):
    await conn.execute(FILL, 10)
    job = await owner.ask(idle)
    await conn.execute(INSERT.replace("now() - interval '1 second'", "clock_timestamp()"), "later", "charter")
    async with running_pod(dsn, **owner.settings) as pod:
        assert (await owner.ended(pod, job))["result"]["rows"] == 10


async def test_jobs_are_for_owner_instances_and_each_sees_its_own(dsn, owner):
    other, stranger = Owner(), Owner()
    both = {**owner.settings, "wix_owner_instances": f"{owner.site},{other.site}"}
    async with running_pod(dsn, background=False, **both) as pod:
        job = await owner.ask(pod)
        for method, path in (("GET", f"/{job}"), ("GET", f"/{job}/result"), ("DELETE", f"/{job}"), ("GET", "/1")):
            status, answer = await other.call(pod, method, path)
            assert (status, answer["code"]) == (404, "unknown_job")
            assert (await stranger.call(pod, method, path))[1]["code"] == "not_owner"
        assert (await other.call(pod, "GET"))[1]["data"] == {"items": [], "nextCursor": None}
        assert (await stranger.call(pod, "POST", json={"type": "export"}))[0] == 403
        assert await wix.code_of(pod, {}, path=JOBS) == "401 missing_wix_instance"


async def test_a_job_that_makes_no_sense_is_rejected(idle, owner):
    for body in (
        {},
        {"type": "backup"},
        {"type": "resync", "filters": {"status": "completed"}},
        {"type": "export", "filters": {"from": "2026-02-30"}},
        {"type": "export", "filters": {"from": "2026-03-01", "to": "2026-02-01"}},
        {"type": "export", "filters": {"status": "paid"}},
        {"type": "export", "filters": {"amount": 5}},
    ):
        assert (await owner.call(idle, "POST", json=body))[1]["code"] == "invalid_request", body


async def test_ten_jobs_of_one_site_at_once_are_three(idle, conn, owner, monkeypatch):
    monkeypatch.setattr(watch, "_EVERY", 0.02)
    watching = asyncio.ensure_future(FEATURE.works(idle.pod)["watching jobs"]())
    await idle.shows(QUEUED, 0)
    answers = await asyncio.gather(*(owner.call(idle, "POST", json={"type": "export"}) for _ in range(10)))
    assert Counter(status for status, _ in answers) == {202: MOST_UNFINISHED, 409: 10 - MOST_UNFINISHED}
    await idle.shows(QUEUED, MOST_UNFINISHED)
    rejected = next(answer for status, answer in answers if status == 409)
    assert rejected["code"] == "too_many_jobs"
    assert rejected["error"] == ("This site already has 3 unfinished jobs. Wait until one has ended, or cancel one.")
    listed = (await owner.call(idle, "GET"))[1]["data"]["items"]
    assert (await owner.call(idle, "DELETE", f"/{listed[0]['jobId']}"))[0] == 200
    await idle.shows(QUEUED, MOST_UNFINISHED - 1)
    assert (await owner.call(idle, "POST", json={"type": "resync"}))[0] == 202
    assert await idle.metric(STALLED) == 0
    await conn.execute("UPDATE jobs SET progressed_at = progressed_at - interval '6 min'")
    await idle.shows(STALLED, MOST_UNFINISHED)
    watching.cancel()


async def test_a_repeat_under_a_key_is_the_same_job(idle, conn, owner):
    key = {"Idempotency-Key": "export-2026-11-0001"}
    asked = {"json": {"type": "export"}, "headers": key}
    answers = [await owner.call(idle, "POST", **asked) for _ in range(2)]
    # The process died before it could keep its answer.
    await conn.execute("UPDATE idempotency_keys SET status = NULL, body = NULL, claimed_until = now()")
    answers.append(await owner.call(idle, "POST", **asked))
    assert len({answer["data"]["jobId"] for _, answer in answers}) == 1
    assert await conn.fetchval("SELECT count(*) FROM jobs") == 1


async def test_a_list_goes_page_by_page(idle, conn, owner):
    asked = [await owner.ask(idle) for _ in range(MOST_UNFINISHED)]
    first = (await owner.call(idle, "GET", "?limit=2"))[1]["data"]
    rest = (await owner.call(idle, "GET", f"?limit=2&cursor={first['nextCursor']}"))[1]["data"]
    assert [job["jobId"] for job in first["items"] + rest["items"]] == asked[::-1]
    assert (rest["nextCursor"], {job["status"] for job in first["items"]}) == (None, {"queued"})


async def test_a_job_that_waits_is_cancelled_and_has_no_file(idle, conn, owner):
    job = await owner.ask(idle)
    status, answer = await owner.call(idle, "GET", f"/{job}/result")
    assert (status, answer["code"]) == (409, "no_job_file")
    assert "is queued" in answer["error"]
    for _ in range(2):
        status, answer = await owner.call(idle, "DELETE", f"/{job}")
        assert (status, answer["data"]["status"]) == (200, "cancelled")
    assert [row["action"] for row in await conn.fetch(ACTIONS)] == ["job_created", "job_cancelled"]
    assert (await owner.call(idle, "GET", f"/{job}/result"))[1]["code"] == "no_job_file"


LARGE = 32 * 1024 * 1024
# The file of the only job is one large part.
ENLARGE = """
WITH part AS (UPDATE job_parts SET body = repeat('x', $1) WHERE number = 1)
UPDATE jobs SET parts = 1, result = jsonb_set(result, '{bytes}', to_jsonb($1::int))
"""


async def test_a_download_goes_on_while_anything_is_taken_and_is_cut_off_when_nothing_is(
    pod, conn, owner, monkeypatch, caplog
):
    """However slow its reader is; one who takes nothing would hold a connection of the pod for ever."""
    job = await owner.ask(pod)
    await owner.ended(pod, job)
    await conn.execute(ENLARGE, LARGE)
    monkeypatch.setattr(streams, "_DOWNLOAD_STALLED_FOR", 0.1)
    looks: list[int] = []
    taken = streams._Reader._taken
    loop, url = asyncio.get_running_loop(), urlsplit(pod.public)
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.setblocking(False)

        def looked(reader):
            """Between the first looks of the pod the reader takes a little, and then nothing any more."""
            found = taken(reader)
            while 0 < len(looks) < 4 and found == looks[-1]:
                with suppress(BlockingIOError):
                    slow.recv(4096)
                found = taken(reader)
            looks.append(found)
            return found

        monkeypatch.setattr(streams._Reader, "_taken", looked)
        await loop.sock_connect(slow, (url.hostname, url.port))
        head = f"GET {JOBS}/{job}/result HTTP/1.1\r\nHost: x\r\nAuthorization: {owner.headers['Authorization']}\r\n\r\n"
        await loop.sock_sendall(slow, head.encode())
        async with asyncio.timeout(PROGRESS):
            while len(looks) < 4 or looks[-1] != looks[-2]:
                await asyncio.sleep(0.02)
            size = 0
            while part := await loop.sock_recv(slow, 1 << 20):
                size += len(part)
    assert size < LARGE, "it was cut off"
    assert looks == sorted(looks)
    assert [each for each in caplog.records if each.levelname == "ERROR"] == []


class Paused:
    """Work that goes as far as the test lets it, and notes when it is cancelled."""

    kind = "export"

    def __init__(self):
        self.begun, self.go_on, self.ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self.error = None

    async def run(self, job):
        await job.save({"at": 1}, "first\r\n")
        self.begun.set()
        try:
            await self.go_on.wait()
        finally:
            self.ended.set()
        if self.error is not None:
            raise self.error
        return {"rows": 1, "bytes": 7}


@asynccontextmanager
async def working(pod, work, monkeypatch):
    """The pod's own worker, with reports that come sooner."""
    monkeypatch.setattr(worker, "_REPORTS_EVERY", 0.05)
    task = asyncio.create_task(worker.JobWorker(pod.pod.database, [work], lambda *_: None).run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_job_that_runs_is_cancelled(idle, conn, owner, monkeypatch):
    work = Paused()
    async with working(idle, work, monkeypatch):
        job = await owner.ask(idle)
        async with asyncio.timeout(PROGRESS):
            await work.begun.wait()
            assert await conn.fetchval("SELECT count(*) FROM job_parts") == 1
            assert (await owner.call(idle, "DELETE", f"/{job}"))[1]["data"]["status"] == "cancelled"
            await work.ended.wait()
    assert (await owner.job(idle, job))["status"] == "cancelled"
    assert await conn.fetchval("SELECT count(*) FROM job_parts") == 0, "what was written is gone"


async def test_a_report_renews_the_lease_and_shows_that_it_goes_on(idle, conn, owner, monkeypatch):
    work = Paused()
    async with working(idle, work, monkeypatch):
        job = await owner.ask(idle)
        async with asyncio.timeout(PROGRESS):
            await work.begun.wait()
            first = await owner.job(idle, job)
            until = await conn.fetchval("SELECT claimed_until FROM jobs")
            while (await owner.job(idle, job))["updatedAt"] == first["updatedAt"]:
                await asyncio.sleep(0.02)
        assert await conn.fetchval("SELECT claimed_until FROM jobs") > until
        work.go_on.set()
        done = await owner.ended(idle, job)
        assert (done["status"], done["result"]) == ("completed", {"rows": 1, "bytes": 7})
        assert (await owner.call(idle, "DELETE", f"/{job}"))[1]["code"] == "job_ended"


async def test_a_process_that_slept_beyond_its_lease_can_write_no_more(idle, conn, owner):
    database = idle.pod.database
    job = await owner.ask(idle)
    slept = RunningJob(database, await claimed_export(conn))
    await slept.save({"at": 1}, "first\r\n")
    await conn.execute("UPDATE jobs SET claimed_until = now() - interval '1 second'")
    other = RunningJob(database, await claimed_export(conn))
    assert other.position == {"at": 1}
    await other.save({"at": 2}, "second\r\n")
    for late in (
        slept.save({"at": 2}, "late\r\n"),
        slept.report(),
        slept.finish(State.FAILED, None, "Late"),
    ):
        with pytest.raises(LeaseLostError):
            await late
    await slept.give_back(interrupted=True)
    await other.finish(State.COMPLETED, {"rows": 2, "bytes": 15}, None)
    assert (await owner.job(idle, job))["status"] == "completed"
    parts = await conn.fetch("SELECT body FROM job_parts ORDER BY number")
    assert [row["body"] for row in parts] == ["first\r\n", "second\r\n"]


async def test_the_progress_of_a_job_never_goes_back(idle, conn, owner):
    """Though the process that takes it over may have to begin again."""
    job, seen = await owner.ask(idle), []
    for percent in (40, 10, 60):
        running = RunningJob(idle.pod.database, await claimed_export(conn))
        running.progress = partial(Progress, percent=percent, step="Reading")
        await running.report()
        seen.append((await owner.job(idle, job))["progressPercent"])
        await conn.execute("UPDATE jobs SET claimed_until = now() - interval '1 second'")
    assert seen == [40, 40, 60]


async def test_a_job_is_given_back_when_its_pod_ends(idle, conn, owner, monkeypatch):
    work = Paused()
    async with working(idle, work, monkeypatch) as task:
        await owner.ask(idle)
        async with asyncio.timeout(PROGRESS):
            await work.begun.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    row = await conn.fetchrow("SELECT state, claimed_until FROM jobs")
    assert (row["state"], row["claimed_until"]) == ("processing", None)


async def test_a_bug_fails_the_job_and_tells_its_owner_nothing_inside(idle, conn, owner, monkeypatch, caplog):
    work = Paused()
    work.error = RuntimeError("a secret")
    work.go_on.set()
    async with working(idle, work, monkeypatch):
        job = await owner.ask(idle)
        done = await owner.ended(idle, job)
    assert (done["status"], done["error"]) == ("failed", "Something went wrong on our side; it has been reported.")
    assert "a secret" in caplog.text
    assert await conn.fetchval("SELECT count(*) FROM job_parts") == 0
    assert (await owner.call(idle, "GET", f"/{job}/result"))[1]["error"] == "A failed job has no file."


async def test_a_job_that_ends_its_process_again_and_again_fails(idle, conn, owner, monkeypatch):
    job = await owner.ask(idle)
    await conn.execute("UPDATE jobs SET attempts = $1", MOST_ATTEMPTS)
    async with working(idle, Paused(), monkeypatch):
        done = await owner.ended(idle, job)
    assert done["status"] == "failed"
    assert done["error"].startswith("The work was interrupted 5 times.")


async def test_an_ended_job_is_deleted_after_seven_days_with_its_file(idle, conn, owner, monkeypatch):
    work = Paused()
    work.go_on.set()
    async with working(idle, work, monkeypatch):
        old, new = await owner.ask(idle), await owner.ask(idle)
        for job in (old, new):
            await owner.ended(idle, job)
    for job, age in ((old, KEPT_FOR + timedelta(minutes=1)), (new, KEPT_FOR - timedelta(minutes=1))):
        await conn.execute("UPDATE jobs SET finished_at = now() - $2::interval WHERE id = $1::uuid", job, age)
    await service.purge(idle.pod.database)
    assert (await owner.call(idle, "GET", f"/{old}"))[1]["code"] == "unknown_job"
    assert (await owner.job(idle, new))["hasFile"]
    assert await conn.fetchval("SELECT count(*) FROM job_parts") == 1
