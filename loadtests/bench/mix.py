"""Processor time of a pod for each request of `make load`, with `GET /routes` answered in front of aiohttp and without.

Locust, Postgres and the sandbox have the generator's core. A thousand people make 150 requests a second: a pod rests
between two of them while other programs use the caches, so each takes several times what it takes in a loop.
"""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from bench.api_process import Api, migrate, running_api
from bench.figures import Figure, say
from bench.servers import GENERATOR_CORE, cpu_seconds, postgres

from hingecraft_sandbox.postgres import Postgres
from support.folders import open_folder
from support.pods import VISITOR_SECRET
from support.sandbox import Sandbox

ROUNDS = 3
PEOPLE, A_SECOND = 1000, 100
# Everybody has come by then, and has asked for something.
SETTLED, SECONDS = 14, 25
_LOCUST = Path(__file__).parents[1] / "locustfile.py"
_COUNT = re.compile(r"^hingecraft_http_request_seconds_count\{.*\} (\S+)$", re.MULTILINE)


def run() -> Iterator[Figure]:
    os.sched_setaffinity(0, {int(GENERATOR_CORE)})  # what is started here inherits it, but for the pod
    try:
        with postgres() as server:
            migrate(server)
            with_lane, without = asyncio.run(_measure(server))
    finally:
        os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))
    say(f"{with_lane * 1000:.2f} ms for a request, {without * 1000:.2f} without the lane (medians of {ROUNDS} rounds)")
    yield Figure("CPU of a pod for the requests of make load, compared with no lane", with_lane / without, 0.85)


async def _measure(server: Postgres) -> tuple[float, float]:
    taken: dict[bool, list[float]] = {True: [], False: []}
    with open_folder() as folder:
        sandbox = Sandbox(folder)
        await sandbox.start()
        try:
            await sandbox.ready()
            for number in range(ROUNDS):
                for lane in (True, False) if number % 2 else (False, True):
                    with running_api(server, **sandbox.environment, ROUTES_LANE=str(lane)) as api:
                        taken[lane].append(await _of_a_request(api))
        finally:
            await sandbox.stop()
    return statistics.median(taken[True]), statistics.median(taken[False])


async def _of_a_request(api: Api) -> float:
    """CPU-seconds of the pod for each request while a thousand people use it."""
    people = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "locust", "--locustfile", _LOCUST, "--headless", "--users", str(PEOPLE),
        "--spawn-rate", str(A_SECOND), "--run-time", f"{SETTLED + SECONDS + 5}s", "--host", api.url, "--only-summary",
        env={**os.environ, "VISITOR_SECRET": VISITOR_SECRET},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await asyncio.sleep(SETTLED)
        before, used, began = _requests(api), cpu_seconds(api.process), time.perf_counter()
        await asyncio.sleep(SECONDS)
        used, took = cpu_seconds(api.process) - used, time.perf_counter() - began
        requests = _requests(api) - before
    finally:
        if people.returncode is None:
            people.terminate()
        await people.wait()
    assert requests > SECONDS * A_SECOND, f"only {requests} requests in {took:.0f} s"
    say(f"{requests / took:.0f} requests a second, {used / requests * 1000:.2f} ms of CPU each")
    return used / requests


def _requests(api: Api) -> int:
    """How many the pod has answered."""
    with urllib.request.urlopen(f"{api.internal}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    return round(sum(float(count) for count in _COUNT.findall(text)))
