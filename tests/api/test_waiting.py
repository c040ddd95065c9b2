"""Waiting for a version over HTTP: at one pod, and until all of them serve it."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import AsyncExitStack

import pytest

from support.engines import running_engine
from support.limits import PROGRESS
from support.pods import ADMIN, running_pod

LINK = "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ('stripe', 'usd', $1)"


@pytest.fixture
async def pods(dsn):
    """Pods that do not poll for newer versions."""
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(running_pod(dsn, background=False)) for _ in range(3)]


async def at_least(pod, version):
    status, answer = await pod.call("GET", "/routes", headers={"X-Routes-At-Least": str(version)})
    return status, answer["data"]["version"] if status == 200 else answer["code"]


async def test_a_pod_pulls_the_version_that_is_asked_for(conn, pods):
    """One pod publishes and takes it up; the others have heard nothing."""
    await conn.execute(LINK, "https://buy.example/1")
    _, answer = await pods[0].call("POST", "/admin/refresh", headers=ADMIN)
    version = answer["data"]["version"]
    assert pods[1].pod.cache.version < version
    assert await at_least(pods[1], version) == (200, version)
    assert await at_least(pods[1], version - 1) == (200, version)
    assert pods[2].pod.cache.version < version


async def test_a_version_that_does_not_exist_yet_is_not_waited_for(pods):
    assert await at_least(pods[0], 4711) == (503, "not_yet")


@pytest.mark.usefixtures("patient")
async def test_a_database_that_takes_its_time_is_not_waited_for(conn, pods):
    """Its statement may take longer than this test waits."""
    async with conn.transaction():
        await conn.execute("LOCK TABLE payment_routes IN ACCESS EXCLUSIVE MODE")
        async with asyncio.timeout(PROGRESS / 2):
            assert await at_least(pods[0], 4711) == (503, "not_yet")


async def test_without_a_database_a_pod_promises_nothing_and_says_so(conn, pods):
    status, _ = await at_least(pods[0], 1)
    assert status == 200
    await pods[0].pod.database.close()
    assert await at_least(pods[0], 1) == (200, pods[0].pod.cache.version)
    assert await at_least(pods[0], pods[0].pod.cache.version + 1) == (503, "not_yet")


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "abc", "", "9" * 30, "\u0661"])
async def test_an_invalid_version_is_rejected(pod, text):
    status, answer = await pod.call("GET", "/routes", headers={"X-Routes-At-Least": text})
    assert (status, answer["code"], list(answer["fields"])) == (400, "invalid_request", ["X-Routes-At-Least"])


async def test_a_refresh_that_waits_ends_when_every_pod_serves_the_commit(dsn, conn, pods):
    async with running_engine(dsn, [pod.internal for pod in pods]) as engine:
        await engine.until(1)
        for number in range(1, 6):
            await conn.execute(LINK, f"https://buy.example/{number}")
            status, answer = await pods[0].call("POST", "/admin/refresh?wait=served", headers=ADMIN)
            assert status == 200
            assert min(pod.pod.cache.version for pod in pods) >= answer["data"]["version"]
            assert answer["data"]["pods"] == 3
            assert 0 <= answer["data"]["latencyMs"] < PROGRESS * 1000
            assert (await pods[2].call("GET", "/routes"))[1]["data"]["routes"]["USD"]["url"].endswith(f"/{number}")


async def test_a_refresh_that_waits_names_the_pods_that_lag(dsn, pods):
    gone = "http://127.0.0.1:9"
    path = "/admin/refresh?wait=served&timeout=1s"
    async with running_engine(dsn, [pods[0].internal, gone]), asyncio.timeout(PROGRESS):
        # The pod that is there may take a while to acknowledge it.
        while (found := await pods[0].call("POST", path, headers=ADMIN))[1]["lagging"] != [gone]:
            assert found[0] == 504
    status, answer = found
    assert (status, answer["code"], answer["pods"]) == (504, "not_served_everywhere", 2)


async def test_the_pods_that_lag_are_named_while_one_commit_follows_another(dsn, conn, pods):
    """The calls and commits are news for an engine without a pause: they put its report off no further."""
    gone = "http://127.0.0.1:9"

    async def commit_without_end():
        for number in itertools.count():
            await conn.execute(LINK, f"https://buy.example/{number}")
            await asyncio.sleep(0.1)

    async with running_engine(dsn, [pods[0].internal, gone]), asyncio.timeout(PROGRESS), asyncio.TaskGroup() as tasks:
        commits = tasks.create_task(commit_without_end())
        path = "/admin/refresh?wait=served&timeout=1s"
        while (found := await pods[0].call("POST", path, headers=ADMIN))[1]["lagging"] != [gone]:
            assert found[0] == 504
        assert not commits.done()
        commits.cancel()
    assert found[1]["pods"] == 2


async def test_without_an_engine_the_wait_says_what_to_check(pod):
    status, answer = await pod.call("POST", "/admin/refresh?wait=served&timeout=1s", headers=ADMIN)
    assert (status, answer["code"], answer["lagging"]) == (504, "not_served_everywhere", [])
    assert "no engine reported a pod" in answer["error"]


@pytest.mark.parametrize("query", ["wait=no", "wait=served&timeout=0s", "wait=served&timeout=31s", "timeout=10"])
async def test_a_wait_that_is_not_understood_is_refused(pod, query):
    status, answer = await pod.call("POST", f"/admin/refresh?{query}", headers=ADMIN)
    assert (status, answer["code"]) == (400, "invalid_request")
