"""Two pods and a real store between them."""

from __future__ import annotations

import asyncio
import subprocess
import time

import pytest

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
            server.wait(10)


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


async def test_pods_count_a_visitor_together_and_separately_when_the_store_is_away(dsn, store):
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
        server.wait(10)
        started = time.monotonic()
        assert await passed(one, 10) == 4, "it fails open to the pod's own limit"
        assert time.monotonic() - started < 2, "a store that is away holds up nobody"


async def test_a_limit_fills_again_by_the_stores_clock(store):
    _, url = store
    limit = SharedLimit(url)
    assert [await limit.retry_after("visitor", "a", 120) for _ in range(121)].count(0) == 120
    assert await limit.retry_after("visitor", "b", 120) == 0
    await asyncio.sleep(0.6)
    assert await limit.retry_after("visitor", "a", 120) == 0
    await limit.close()


async def test_a_store_that_never_was_holds_up_nobody():
    limit = SharedLimit("redis://127.0.0.1:1/0")
    started = time.monotonic()
    assert [await limit.retry_after("visitor", "a", 1) for _ in range(50)] == [0] * 50
    assert time.monotonic() - started < 1
    await limit.close()
