"""A hundred commits as fast as one client makes them: how soon the last is at three pods, and in how many versions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import aiohttp
import asyncpg
from bench.figures import Figure, percentile, say

BURSTS = 30
COMMITS = 100
# Longer than the quiet time, so that the first commit of each burst need not wait.
_BETWEEN = 0.4
_WITHIN = 10.0
_LINK = "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ('stripe', 'usd', $1)"


@dataclass(frozen=True)
class Bursts:
    """Times of some bursts in milliseconds, and the versions that one of them made at most."""

    took: Sequence[float]
    versions: int


async def measure_bursts(dsn: str, pods: Sequence[str]) -> Bursts:
    """The return of the last commit starts the clock."""
    connection = await asyncpg.connect(dsn)
    took: list[float] = []
    versions: list[int] = []
    async with aiohttp.ClientSession() as client:
        for _ in range(BURSTS):
            before, _link = await _served(client, pods[0])
            for number in range(COMMITS):
                link = f"http://localhost/{number}-{time.time_ns()}"
                await connection.execute(_LINK, link)
            committed = time.monotonic()
            newest = await asyncio.gather(*(_serves(client, pod, link) for pod in pods))
            took.append((time.monotonic() - committed) * 1000)
            versions.append(max(newest) - before)
            await asyncio.sleep(_BETWEEN)
    await connection.close()
    return Bursts(took, max(versions))


async def _served(client: aiohttp.ClientSession, pod: str) -> tuple[int, str | None]:
    """The version, and the link of dollars in it."""
    async with client.get(f"{pod}/routes") as response:
        body = await response.json()
        return int(response.headers["X-Routes-Version"]), body["data"]["routes"]["USD"].get("url")


async def _serves(client: aiohttp.ClientSession, pod: str, link: str) -> int:
    """Wait until the pod serves the link; returns its version."""
    async with asyncio.timeout(_WITHIN):
        while True:
            version, served = await _served(client, pod)
            if served == link:
                return version
            await asyncio.sleep(0.002)


def figures(leading: Bursts, waiting: Bursts) -> Iterator[Figure]:
    """Compared with an engine that always waits for the quiet time."""
    for what, bursts in (("the first published at once", leading), ("all wait", waiting)):
        say(f"{BURSTS} bursts of {COMMITS} commits, {what}: p50 {percentile(bursts.took, 0.5):.0f} ms, "
            f"p99 {percentile(bursts.took, 0.99):.0f} ms, at most {bursts.versions} versions")  # fmt: skip
    yield Figure("the last of a hundred commits at once, p99", percentile(leading.took, 0.99), 250, unit=" ms")
    yield Figure("versions of such a burst, more than where all wait", leading.versions - waiting.versions, 2)
