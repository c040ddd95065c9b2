"""Two pods and a real store between them."""

from __future__ import annotations

import asyncio
import subprocess
import time

import pytest

from hingecraft_api.access import shared_limit
from hingecraft_api.access.shared_limit import SharedLimit
from hingecraft_sandbox.postgres import free_port
from support.folders import open_folder
from support.limits import PROGRESS
from support.pods import running_pod


@pytest.fixture
def store():
    port = free_port()
    with open_folder() as folder:
        server = subprocess.Popen(
            ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
            stdout=subprocess.DEVNULL,
        )
        try:
            _until_it_answers(port)
            yield server, f"redis://127.0.0.1:{port}/0"
        finally:
            server.terminate()
            server.wait(PROGRESS)


def _until_it_answers(port: int) -> None:
    until = time.monotonic() + PROGRESS
    while time.monotonic() < until:
        if subprocess.run(["redis-cli", "-p", str(port), "ping"], capture_output=True, check=False).stdout == b"PONG\n":
            return
        time.sleep(0.02)
    raise AssertionError("the store did not start")


async def passed(pod, count: int) -> int:
    found = []
    for _ in range(count):
        async with pod.client.get(pod.public + "/docs") as response:
            found.append(response.status)
    return found.count(200)


@pytest.fixture
def slowly(monkeypatch):
    """The store may take its time, and one that is away is not asked again during the test."""
    monkeypatch.setattr(shared_limit, "_ANSWER_WITHIN", PROGRESS)
    monkeypatch.setattr(shared_limit, "_LEFT_ALONE_FOR", 10 * PROGRESS)


def unavailable(caplog) -> int:
    return sum("the shared rate limit is unavailable" in record.getMessage() for record in caplog.records)


@pytest.mark.usefixtures("still_minute", "slowly")
async def test_pods_count_a_visitor_together_and_separately_when_the_store_is_away(dsn, store, caplog):
    server, url = store
    async with (
        running_pod(dsn, rate_limit=10, valkey_url=url) as one,
        running_pod(dsn, rate_limit=10, valkey_url=url) as two,
    ):
        assert await passed(one, 6) == 6
        assert await passed(two, 10) == 4
        async with two.client.get(two.public + "/docs") as response:
            assert response.status == 429
            assert int(response.headers["Retry-After"]) >= 1
        server.kill()
        server.wait(PROGRESS)
        assert await passed(one, 10) == 4, "it fails open to the pod's own limit"
        assert unavailable(caplog) == 1, "a store that is away is not asked by every call"


async def test_a_limit_fills_again_by_the_stores_clock(store, monkeypatch):
    """By half a second for each call; while the calls are made, some places may become free already."""
    monkeypatch.setattr(shared_limit, "_ANSWER_WITHIN", PROGRESS)
    _, url = store
    limit = SharedLimit(url)
    started, allowed = time.monotonic(), 0
    while await limit.retry_after("visitor", "a", 120) == 0:
        allowed += 1
    assert 120 <= allowed <= 120 + (time.monotonic() - started) / 0.5 + 1
    assert await limit.retry_after("visitor", "b", 120) == 0
    async with asyncio.timeout(PROGRESS):
        while await limit.retry_after("visitor", "a", 120):
            await asyncio.sleep(0.1)
    await limit.close()


@pytest.mark.usefixtures("still_minute", "slowly")
async def test_a_store_that_never_was_holds_up_nobody(caplog):
    limit = SharedLimit("redis://127.0.0.1:1/0")
    assert [await limit.retry_after("visitor", "a", 1) for _ in range(50)] == [0] * 50
    assert unavailable(caplog) == 1
    await limit.close()
