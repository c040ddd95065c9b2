"""A thousand webhooks a second: how soon each is answered, and how soon all are worked on.

Each event completes a payment of its own, whose session is not asked for again. The pod has a core for itself;
Postgres and the generator share the other. The baseline of the same run is a bare aiohttp server that reads the
body and answers, under the same load. Then: forged messages beside GET /routes, and a provider that hangs.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import statistics
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event as EventType

import aiohttp
import asyncpg
import psutil
from aiohttp import web
from bench import given, hanging, unsigned
from bench.api_process import migrate, running_api
from bench.common import GENERATOR_CORE, SERVER_CORE, Figure, cpu_seconds, postgres, say
from bench.signed import SECRET, signed

from hingecraft_sandbox.postgres import free_port
from support.sandbox import STRIPE_KEY

RATE, SECONDS, WITHIN = 1000, 20, 10
WAITING = "SELECT count(*) FROM provider_events WHERE processed_at IS NULL"


@dataclass
class Run:
    """The results of one load."""

    seconds: list[float] = field(default_factory=list)
    failed: int = 0

    @property
    def p99(self) -> float:
        return statistics.quantiles(self.seconds, n=100)[98]


def run() -> Iterator[Figure]:
    with postgres() as server:
        migrate(server)
        for process in (psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)):
            process.cpu_affinity([int(GENERATOR_CORE)])
        environment = {
            "STRIPE_SECRET": STRIPE_KEY,
            "STRIPE_WEBHOOK_SECRET": SECRET,
            "STRIPE_API_BASE": "http://127.0.0.1:9",
            "NOWPAYMENTS_API_KEY": "a-key-of-this-bench",
            "NOWPAYMENTS_IPN_SECRET": "ipn-bench",
            "NOWPAYMENTS_API_BASE": "http://127.0.0.1:9/v1",
        }
        with running_api(server, **environment) as api:
            dsn = server.dsn("postgres")
            payments = [str(uuid.uuid4()) for _ in range(RATE * (SECONDS + 1))]
            asyncio.run(_given(dsn, payments))
            os.sched_setaffinity(0, {int(GENERATOR_CORE)})
            asyncio.run(_load(api.url + "/webhooks/stripe", payments[:RATE]))
            asyncio.run(_until_done(dsn, 60))
            before = cpu_seconds(api.process)
            found = asyncio.run(_load(api.url + "/webhooks/stripe", payments[RATE:]))
            took = asyncio.run(_until_done(dsn, 60))
            cpu = (cpu_seconds(api.process) - before) / len(found.seconds)
            completed = asyncio.run(_completed(dsn))
            os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))
            attacked = list(unsigned.figures(api))
        waited = list(hanging.figures(server))
        os.sched_setaffinity(0, {int(GENERATOR_CORE)})
    bare = asyncio.run(_bare())
    os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))
    say(f"answered: p50 {statistics.median(found.seconds) * 1000:.1f} ms, p99 {found.p99 * 1000:.1f} ms, "
        f"{found.failed} failed; {cpu * 1000:.2f} ms of CPU each with the work")  # fmt: skip
    say(f"a bare server under the same load: p99 {bare.p99 * 1000:.1f} ms")
    yield Figure("p99 of the answer to a webhook at 1,000/s", found.p99 * 1000, 100, unit=" ms")
    yield Figure("webhooks that were not taken", found.failed, 0)
    yield Figure("all processed after the last", took, WITHIN, unit=" s")
    yield Figure("payments completed", completed, RATE * (SECONDS + 1), at_least=True)
    yield Figure("CPU of a webhook and its work, of what one core has in 30 s", cpu * RATE * SECONDS / 30, 1.0)
    yield from attacked
    yield from waited


async def _given(dsn: str, payments: list[str]) -> None:
    conn = await asyncpg.connect(dsn)
    await given.pending(conn, payments)
    await conn.close()


async def _completed(dsn: str) -> int:
    conn = await asyncpg.connect(dsn)
    found: int = await conn.fetchval("SELECT count(*) FROM settlements WHERE kind = 'charge'")
    await conn.close()
    return found


async def _until_done(dsn: str, within: float) -> float:
    conn = await asyncpg.connect(dsn)
    started = time.perf_counter()
    while await conn.fetchval(WAITING) and time.perf_counter() - started < within:
        await asyncio.sleep(0.1)
    await conn.close()
    return time.perf_counter() - started


async def _load(url: str, payments: list[str]) -> Run:
    """An open loop: a webhook leaves when its moment has come, whatever became of those before."""
    found = Run()
    messages = [signed(payment) for payment in payments]
    # The generator holds all of them: its own collector would stop it for a tenth of a second now and then.
    gc.collect()
    gc.disable()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=200)) as client:
        started = time.perf_counter()
        tasks = []
        for number, message in enumerate(messages):
            due = started + number / RATE
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            tasks.append(asyncio.create_task(_one(client, url, message, due, found)))
        await asyncio.gather(*tasks)
    gc.enable()
    return found


async def _one(client: aiohttp.ClientSession, url: str, message: tuple[bytes, str], due: float, found: Run) -> None:
    body, signature = message
    headers = {"Stripe-Signature": signature, "Content-Type": "application/json"}
    async with client.post(url, data=body, headers=headers) as response:
        await response.read()
    if response.status == 200:
        found.seconds.append(time.perf_counter() - due)
    else:
        found.failed += 1


async def _bare() -> Run:
    port, stop = free_port(), multiprocessing.Event()
    server = multiprocessing.Process(target=_serve_bare, args=(port, stop))
    server.start()
    try:
        await asyncio.sleep(1)
        return await _load(f"http://127.0.0.1:{port}/", [str(uuid.uuid4()) for _ in range(RATE * 5)])
    finally:
        stop.set()
        server.join(10)


def _serve_bare(port: int, stop: EventType) -> None:
    os.sched_setaffinity(0, {int(SERVER_CORE)})
    asyncio.run(_answering(port, stop))


async def _answering(port: int, stop: EventType) -> None:
    async def take(request: web.Request) -> web.Response:
        await request.read()
        return web.json_response({"success": True})

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    while not stop.is_set():
        await asyncio.sleep(0.2)
    await runner.cleanup()
