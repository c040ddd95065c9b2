"""The operator: from an edit and a commit to every pod, how soon another leads, what a hundred resources cost."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import aiohttp
import asyncpg
import psutil
import uvloop
from bench import many
from bench.figures import Figure, percentile, say
from bench.latency import SINGLE, measure_commits
from bench.servers import postgres

from hingecraft.migrations.command import bring_up_to_date
from hingecraft.settings import DsnSecret
from hingecraft_sandbox.postgres import Postgres
from support.control_plane import ControlPlane, control_plane
from support.folders import open_folder
from support.kube import Namespace, OperatorProcess, define, namespace_of
from support.processes import ApiProcess, HingecraftProcess

COMMITS = 150
EDITS = 150
RESOURCES = 100
EACH_CHANGES_EVERY = 10.0
WATCHED_FOR = 60.0
FAIL_OVERS = 3


def run() -> Iterator[Figure]:
    settings = {"max_connections": "700", "shared_buffers": "256MB"}
    with postgres(**settings) as server, open_folder() as folder, control_plane(folder) as plane:
        asyncio.run(bring_up_to_date(DsnSecret(server.dsn()), "hingecraft_app", lambda _line: None))
        yield from uvloop.run(_few(server, folder, plane))
        yield from uvloop.run(_many(server, plane))


async def _few(server: Postgres, folder: Path, plane: ControlPlane) -> list[Figure]:
    await define(plane)
    async with namespace_of(plane) as namespace, _three_pods(server, folder, namespace) as pods:
        bare = await _without_kubernetes(server, folder, namespace, pods)
        token = await namespace.token()
        leader = OperatorProcess(namespace, token, "replica-0")
        await leader.start()
        try:
            await namespace.becomes("FanoutComplete", "True", "Complete", within=60)
            await asyncio.sleep(2)
            single = await measure_commits(server, pods, COMMITS, pause=SINGLE)
            say(f"{COMMITS} single: p50 {percentile(single, 0.5):.0f} ms, p99 {percentile(single, 0.99):.0f} ms")
            commits = await measure_commits(server, pods, COMMITS)
            say(f"{COMMITS} commits: p50 {percentile(commits, 0.5):.0f} ms, p99 {percentile(commits, 0.99):.0f} ms")
            edits = await _edits(namespace, pods)
            say(f"{EDITS} edits: p50 {percentile(edits, 0.5):.0f} ms, p99 {percentile(edits, 0.99):.0f} ms")
            killed = [await _fail_over(server, namespace, pods, n, signal.SIGKILL, leader) for n in range(FAIL_OVERS)]
            stopped = [await _fail_over(server, namespace, pods, n, signal.SIGTERM, leader) for n in range(FAIL_OVERS)]
        finally:
            await leader.stop()
    ratio = percentile(commits, 0.5) / percentile(bare, 0.5)
    return [
        Figure("a commit through the operator against `hingecraft sync`, at the median", ratio, 1.2),
        Figure("a single commit, to the last of three pods at p99", percentile(single, 0.99), 40, unit=" ms"),
        Figure("commits in a row, to the last of three pods at p99", percentile(commits, 0.99), 300, unit=" ms"),
        Figure("edit of a spec to effect at the pods at p99", percentile(edits, 0.99), 80, unit=" ms"),
        Figure("a commit right after the leader was killed, to the last pod", max(killed), 15, unit=" s"),
        Figure("a commit right after the leader was told to stop, to the last pod", max(stopped), 1.5, unit=" s"),
    ]


async def _without_kubernetes(server: Postgres, folder: Path, namespace: Namespace, pods: Sequence[str]) -> list[float]:
    """The same engine, told where the pods are: what the operator adds is its difference to this."""
    addresses = [f"http://127.0.0.1:{port}" for port in await namespace.ports("api")]
    sync = HingecraftProcess(folder, "sync", "sync", DATABASE_URL=server.dsn(), API_ADDRESSES=",".join(addresses))
    await sync.start()
    try:
        await asyncio.sleep(3)
        return await measure_commits(server, pods, COMMITS)
    finally:
        await sync.stop()


@asynccontextmanager
async def _three_pods(server: Postgres, folder: Path, namespace: Namespace) -> AsyncIterator[list[str]]:
    pods = [ApiProcess(folder, f"api-{number}", server.dsn()) for number in range(3)]
    async with AsyncExitStack() as stack:
        for pod in pods:
            await pod.start()
            stack.push_async_callback(pod.stop)
        await namespace.pods(*(pod.internal for pod in pods))
        await namespace.database_secret(server.dsn())
        await namespace.make(namespace.routes())
        yield [pod.public for pod in pods]


async def _edits(namespace: Namespace, pods: Sequence[str]) -> list[float]:
    """A provider is switched on and off; the answer to the edit starts the clock."""
    took: list[float] = []
    async with aiohttp.ClientSession() as client:
        for number in range(EDITS):
            enabled = number % 2 == 1
            await namespace.edit("main", providers={"stripe": {"enabled": enabled}})
            edited = time.monotonic()
            await asyncio.gather(*(_available(client, pod, wanted=enabled) for pod in pods))
            took.append((time.monotonic() - edited) * 1000)
            await asyncio.sleep(0.3)
    return took


async def _available(client: aiohttp.ClientSession, pod: str, *, wanted: bool) -> None:
    async with asyncio.timeout(10):
        while True:
            async with client.get(f"{pod}/routes") as response:
                if (await response.json())["data"]["routes"]["EUR"]["available"] == wanted:
                    return
            await asyncio.sleep(0.005)


async def _fail_over(
    server: Postgres,
    namespace: Namespace,
    pods: Sequence[str],
    number: int,
    how: signal.Signals,
    leader: OperatorProcess,
) -> float:
    """A standby is there; the leader goes; a commit made then is served: only a leader publishes."""
    standby = OperatorProcess(namespace, await namespace.token(), f"standby-{how.name}-{number}")
    await standby.start()
    await asyncio.sleep(4)
    leader.signal(how)
    began = time.monotonic()
    await leader.wait()
    await measure_commits(server, pods, 1, within=60)
    took = time.monotonic() - began
    say(f"after {how.name}: {took:.1f} s")
    # The next round begins with the usual name at the head again.
    await leader.start()
    await asyncio.sleep(4)
    standby.signal(signal.SIGTERM)
    await standby.wait()
    await namespace.becomes("DatabaseConnected", "True", "Listening", within=30)
    await asyncio.sleep(3)
    return took


async def _many(server: Postgres, plane: ControlPlane) -> list[Figure]:
    names = await many.databases(server, RESOURCES)
    async with namespace_of(plane) as namespace, AsyncExitStack() as stack:
        for name in names:
            await many.resource(stack, server, namespace, name)
        operator = OperatorProcess(namespace, await namespace.token(), "only")
        await operator.start()
        stack.push_async_callback(operator.stop)
        last = many.resource_of(names[-1])
        await namespace.becomes("FanoutComplete", "True", "Complete", name=last, within=120)
        await asyncio.sleep(10)
        return await _watch(server, names, psutil.Process(operator.pid))


async def _watch(server: Postgres, names: Sequence[str], process: psutil.Process) -> list[Figure]:
    connections = [await asyncpg.connect(server.dsn(name)) for name in names]
    first = [await each.fetchval(many.NEWEST) for each in connections]
    before, began = sum(process.cpu_times()[:2]), time.monotonic()
    pause = EACH_CHANGES_EVERY / len(names)
    changes = 0
    while time.monotonic() - began < WATCHED_FOR:
        await connections[changes % len(names)].execute(many.SWITCH)
        changes += 1
        await asyncio.sleep(max(0.0, began + changes * pause - time.monotonic()))
    share = (sum(process.cpu_times()[:2]) - before) / (time.monotonic() - began)
    memory = process.memory_info().rss / 2**20
    last = [await each.fetchval(many.NEWEST) for each in connections]
    published = [after - number for after, number in zip(last, first, strict=True)]
    for each in connections:
        await each.close()
    say(f"{changes} changes in {WATCHED_FOR:.0f} s, {min(published)} to {max(published)} versions for each resource")
    return [
        Figure(f"memory of an operator with {len(names)} resources", memory, 250, unit=" MB"),
        Figure("cores that it takes", share, 1.0),
        Figure(
            "versions that the slowest of them got", min(published), WATCHED_FOR / EACH_CHANGES_EVERY - 1, at_least=True
        ),
    ]
