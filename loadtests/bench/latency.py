"""From COMMIT's return to the last pod serving the version, as a client of the pods sees it."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import asyncpg
import uvloop
from bench.burst import Bursts, figures, measure_bursts
from bench.figures import Figure, percentile, say
from bench.servers import postgres

from hingecraft.migrations.command import bring_up_to_date
from hingecraft.settings import DsnSecret
from hingecraft.sync.changes import Timing
from hingecraft_sandbox.postgres import Postgres
from support.engines import RunningEngine, running_engine
from support.folders import open_folder
from support.pods import running_pod
from support.processes import ApiProcess, HingecraftProcess

COMMITS = 200
COMMITS_IN_PROCESS = 60
MANY_PODS = 50
# Longer than the quiet time: a single commit is published at once.
IN_A_ROW, SINGLE = 0.02, 0.15
LINK = "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ('stripe', 'usd', $1)"


def run() -> Iterator[Figure]:
    with postgres() as server, open_folder() as folder:
        asyncio.run(bring_up_to_date(DsnSecret(server.dsn()), "hingecraft_app", lambda _line: None))
        single, in_a_row, leading, waiting = uvloop.run(_three_real_pods(server, folder))
        for what, took in (("single", single), ("in a row", in_a_row)):
            say(f"{COMMITS} commits {what}: p50 {percentile(took, 0.5):.0f} ms, p99 {percentile(took, 0.99):.0f} ms")
        one, many = uvloop.run(_in_process(server, 1)), uvloop.run(_in_process(server, MANY_PODS))
    say(f"in one process: 1 pod {statistics.median(one):.0f} ms, {MANY_PODS} pods {statistics.median(many):.0f} ms")
    yield Figure("a single commit, to the last of three pods at p99", percentile(single, 0.99), 30, unit=" ms")
    yield Figure("commits in a row, to the last of three pods at p99", percentile(in_a_row, 0.99), 250, unit=" ms")
    yield from figures(leading, waiting)
    ratio = statistics.median(many) / statistics.median(one)
    yield Figure(f"{MANY_PODS} in-process pods against one", ratio, 1.5)


async def _three_real_pods(server: Postgres, folder: Path) -> tuple[list[float], list[float], Bursts, Bursts]:
    """Single commits, commits in a row, and bursts: with an engine as it is by default, and with one that waits."""
    pods = [ApiProcess(folder, f"api-{number}", server.dsn()) for number in range(3)]
    addresses = [pod.public for pod in pods]
    async with AsyncExitStack() as stack:
        for pod in pods:
            await pod.start()
            stack.push_async_callback(pod.stop)
        async with _engine_process(server, folder, pods):
            single = await measure_commits(server, addresses, COMMITS, pause=SINGLE)
            in_a_row = await measure_commits(server, addresses, COMMITS)
            leading = await measure_bursts(server.dsn(), addresses)
        async with _engine_process(server, folder, pods, SYNC_LEADING="false"):
            return single, in_a_row, leading, await measure_bursts(server.dsn(), addresses)


@asynccontextmanager
async def _engine_process(
    server: Postgres, folder: Path, pods: Sequence[ApiProcess], **environment: str
) -> AsyncIterator[None]:
    """`hingecraft sync`, once every pod serves a version."""
    internal = ",".join(pod.internal for pod in pods)
    sync = HingecraftProcess(folder, "sync", "sync", DATABASE_URL=server.dsn(), API_ADDRESSES=internal, **environment)
    await sync.start()
    try:
        for pod in pods:
            await pod.until("/ready", 200)
        await asyncio.sleep(1)
        yield
    finally:
        await sync.stop()


async def measure_commits(
    server: Postgres, addresses: Sequence[str], commits: int, within: float = 10.0, pause: float = IN_A_ROW
) -> list[float]:
    """Each pod is asked every few milliseconds; the commit's return starts the clock."""
    connection = await asyncpg.connect(server.dsn())
    took: list[float] = []
    async with aiohttp.ClientSession() as client:
        version = await _version(client, addresses[0])
        for number in range(commits):
            await connection.execute(LINK, f"http://localhost/{number}-{time.time_ns()}")
            committed = time.monotonic()
            version += 1
            await asyncio.gather(*(_until(client, address, version, within) for address in addresses))
            took.append((time.monotonic() - committed) * 1000)
            await asyncio.sleep(pause)
    await connection.close()
    return took


async def _version(client: aiohttp.ClientSession, address: str) -> int:
    async with client.head(f"{address}/routes") as response:
        return int(response.headers["X-Routes-Version"])


async def _until(client: aiohttp.ClientSession, address: str, version: int, within: float) -> None:
    async with asyncio.timeout(within):
        while await _version(client, address) < version:
            await asyncio.sleep(0.002)


async def _in_process(server: Postgres, count: int) -> list[float]:
    """Many pods in this very process: what the fan-out itself costs, with every pod on one core.

    Every commit waits for quiet here, so that the ratio says what fifty pods add to all of the time that a commit in
    a row takes.
    """
    connection = await asyncpg.connect(server.dsn())
    took: list[float] = []
    async with _pods_and_engine(server, count) as engine:
        for number in range(COMMITS_IN_PROCESS):
            before = engine.served[-1].version
            await connection.execute(LINK, f"http://localhost/{number}-{time.time_ns()}")
            committed = time.monotonic()
            await engine.until(before + 1)
            took.append((time.monotonic() - committed) * 1000)
            await asyncio.sleep(0.1)
    await connection.close()
    return took


@asynccontextmanager
async def _pods_and_engine(server: Postgres, count: int) -> AsyncIterator[RunningEngine]:
    dsn = DsnSecret(server.dsn())
    async with AsyncExitStack() as stack:
        pods = [await stack.enter_async_context(running_pod(dsn, database_pool_max=1)) for _ in range(count)]
        timing = Timing(leading=False)
        engine = await stack.enter_async_context(running_engine(dsn, [pod.internal for pod in pods], timing=timing))
        await engine.until(1)
        await asyncio.sleep(1)
        yield engine
