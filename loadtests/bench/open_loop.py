"""Signed webhooks in an open loop: each leaves when its moment has come, whatever became of those before."""

from __future__ import annotations

import asyncio
import gc
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp
import asyncpg

# The body, and the header with its signature.
Message = tuple[bytes, str]
WAITING = "SELECT count(*) FROM provider_events WHERE processed_at IS NULL"


@dataclass
class Run:
    """The answers to one load, in seconds."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0

    @property
    def p99(self) -> float:
        return statistics.quantiles(self.seconds, n=100)[98]


async def send(url: str, messages: Sequence[Message], rate: float) -> Run:
    """`rate` messages a second."""
    found = Run()
    # The generator holds all of them: its own collector would stop it for a tenth of a second now and then.
    gc.collect()
    gc.disable()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=200)) as client:
        started = time.perf_counter()
        tasks = []
        for number, message in enumerate(messages):
            due = started + number / rate
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.append(asyncio.create_task(_one(client, url, message, due, found)))
        await asyncio.gather(*tasks)
    gc.enable()
    return found


async def until_done(dsn: str, within: float) -> float:
    """Wait until the inbox is empty; returns how long that took, at most `within` seconds."""
    conn = await asyncpg.connect(dsn)
    started = time.perf_counter()
    while await conn.fetchval(WAITING) and time.perf_counter() - started < within:
        await asyncio.sleep(0.1)
    await conn.close()
    return time.perf_counter() - started


async def _one(client: aiohttp.ClientSession, url: str, message: Message, due: float, found: Run) -> None:
    body, signature = message
    headers = {"Stripe-Signature": signature, "Content-Type": "application/json"}
    async with client.post(url, data=body, headers=headers) as response:
        await response.read()
    if response.status == 200:
        found.seconds.append(time.perf_counter() - due)
    else:
        found.failed += 1
