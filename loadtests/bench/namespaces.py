"""Three hundred resources in thirty namespaces, one of which the operator may not look into."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack

import asyncpg
import uvloop
from bench import many
from bench.figures import Figure, percentile, say
from bench.servers import postgres

from hingecraft.migrations.command import bring_up_to_date
from hingecraft.settings import DsnSecret
from hingecraft_operator.cluster.client import PAYMENT_ROUTES, Document
from hingecraft_sandbox.postgres import Postgres
from support.control_plane import ControlPlane, control_plane
from support.folders import open_folder
from support.kube import Namespace, OperatorProcess, define, namespace_of
from support.pods import Running

NAMESPACES = 30
RESOURCES = 300
COMMITS = 300


def run() -> Iterator[Figure]:
    settings = {"max_connections": "2500", "shared_buffers": "512MB"}
    with postgres(**settings) as server, open_folder() as folder, control_plane(folder) as plane:
        asyncio.run(bring_up_to_date(DsnSecret(server.dsn()), "hingecraft_app", lambda _line: None))
        yield from uvloop.run(_measure(server, plane))


async def _measure(server: Postgres, plane: ControlPlane) -> list[Figure]:
    await define(plane)
    async with AsyncExitStack() as stack:
        first, *others = [await stack.enter_async_context(namespace_of(plane)) for _ in range(NAMESPACES)]
        for other in others:
            await other.allow_also(first)
        await others[-1].forbid()
        names = await many.databases(server, RESOURCES)
        served: list[tuple[asyncpg.Connection, Running]] = []
        for number, name in enumerate(names):
            namespace = [first, *others][number % NAMESPACES]
            pod = await many.resource(stack, server, namespace, name)
            if namespace is not others[-1]:
                connection = await asyncpg.connect(server.dsn(name))
                stack.push_async_callback(connection.close)
                served.append((connection, pod))
        watched = ",".join(each.name for each in (first, *others))
        operator = OperatorProcess(first, await first.token(), "only", WATCH_NAMESPACES=watched)
        await operator.start()
        stack.push_async_callback(operator.stop)
        await _all_are_served([first, *others][:-1])
        took = await _commits(served)
    say(f"{COMMITS} commits: p50 {percentile(took, 0.5):.0f} ms, slowest {max(took):.0f} ms")
    what = f"{RESOURCES} resources in {NAMESPACES} namespaces, one forbidden: commit to the pod at p99"
    return [Figure(what, percentile(took, 0.99), 300, unit=" ms")]


async def _all_are_served(namespaces: list[Namespace]) -> None:
    """Until the status of each resource says that its pod has the newest version."""
    began = time.monotonic()
    async with asyncio.timeout(300):
        for namespace in namespaces:
            while not all(map(_is_served, await namespace.cluster.list(PAYMENT_ROUTES, namespace.name))):
                await asyncio.sleep(0.5)
    say(f"all are served {time.monotonic() - began:.0f} s after the operator's start")


def _is_served(resource: Document) -> bool:
    conditions = (resource.get("status") or {}).get("conditions") or []
    return any(each["type"] == "FanoutComplete" and each["status"] == "True" for each in conditions)


async def _commits(served: list[tuple[asyncpg.Connection, Running]]) -> list[float]:
    """The commit's return starts the clock."""
    took: list[float] = []
    chosen = random.Random(1)
    for _ in range(COMMITS):
        connection, pod = chosen.choice(served)
        version = await connection.fetchval(many.NEWEST)
        await connection.execute(many.SWITCH)
        committed = time.monotonic()
        await pod.serves(version + 1, within=30)
        took.append((time.monotonic() - committed) * 1000)
        await asyncio.sleep(0.1)
    return took
