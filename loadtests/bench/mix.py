"""Processor time of a pod for each request of `make load`, with `GET /routes` answered in front of aiohttp and without.

Locust, Postgres and the sandbox have the generator's core. A thousand people make 150 requests a second: a pod rests
between two of them while other programs use the caches, so each takes several times what it takes in a loop.
"""

from __future__ import annotations

import asyncio
import os
import re
import sys
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

# For each of the two pods; together they are a thousand.
PEOPLE, A_SECOND = 500, 50
# Everybody has come by then, and has asked for something.
SETTLED, SECONDS = 15, 60
_LOCUST = Path(__file__).parents[1] / "locustfile.py"
_COUNT = re.compile(r"^hingecraft_http_request_seconds_count\{.*\} (\S+)$", re.MULTILINE)


def run() -> Iterator[Figure]:
    os.sched_setaffinity(0, {int(GENERATOR_CORE)})  # what is started here inherits it, but for the pods
    try:
        with postgres() as server:
            migrate(server)
            with_lane, without = asyncio.run(_measure(server))
    finally:
        os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))
    say(f"{with_lane * 1000:.2f} ms for a request, {without * 1000:.2f} without the lane")
    yield Figure("CPU of a pod for the requests of make load, compared with no lane", with_lane / without, 0.9)


async def _measure(server: Postgres) -> tuple[float, float]:
    """Both at the same time, since how quick a core is may change within seconds."""
    with open_folder() as folder:
        sandbox = Sandbox(folder)
        await sandbox.start()
        try:
            await sandbox.ready()
            with (
                running_api(server, **sandbox.environment) as api,
                running_api(server, **sandbox.environment, ROUTES_LANE="0") as other,
            ):
                with_lane, without = await asyncio.gather(_of_a_request(api), _of_a_request(other))
        finally:
            await sandbox.stop()
    return with_lane, without


async def _of_a_request(api: Api) -> float:
    """CPU-seconds of the pod for each request while people use it."""
    people = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "locust", "--locustfile", _LOCUST, "--headless", "--users", str(PEOPLE),
        "--spawn-rate", str(A_SECOND), "--run-time", f"{SETTLED + SECONDS + 5}s", "--host", api.url, "--only-summary",
        env={**os.environ, "VISITOR_SECRET": VISITOR_SECRET},
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        await asyncio.sleep(SETTLED)
        before, used = _requests(api), cpu_seconds(api.process)
        await asyncio.sleep(SECONDS)
        used = cpu_seconds(api.process) - used
        requests = _requests(api) - before
    finally:
        if people.returncode is None:
            people.terminate()
        await people.wait()
    assert requests > SECONDS * A_SECOND, f"only {requests} requests in {SECONDS} s"
    return used / requests


def _requests(api: Api) -> int:
    """How many the pod has answered."""
    with urllib.request.urlopen(f"{api.internal}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    return round(sum(float(count) for count in _COUNT.findall(text)))
