"""A thousand webhooks a second: how soon each is answered, and how soon all are worked on.

Each event completes a payment of its own, whose session is not asked for again. The pod has a core for itself;
Postgres and the generator share the other. The baseline of the same run is a bare aiohttp server that reads the
body and answers, under the same load. Then: forged messages beside GET /routes, and a provider that hangs.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import statistics
import uuid
from collections.abc import Iterator, Sequence
from multiprocessing.synchronize import Event as EventType

import asyncpg
import psutil
from aiohttp import web
from bench import bare_server, given, hanging, open_loop, unsigned
from bench.api_process import migrate, running_api
from bench.figures import Figure, say
from bench.open_loop import Run
from bench.servers import GENERATOR_CORE, SERVER_CORE, cpu_seconds, postgres
from bench.signed import SECRET, signed

from hingecraft_sandbox.postgres import free_port
from support.sandbox import STRIPE_KEY

RATE, SECONDS, WITHIN = 1000, 20, 10


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
            asyncio.run(open_loop.until_done(dsn, 60))
            before = cpu_seconds(api.process)
            found = asyncio.run(_load(api.url + "/webhooks/stripe", payments[RATE:]))
            took = asyncio.run(open_loop.until_done(dsn, 60))
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


async def _load(url: str, payments: Sequence[str]) -> Run:
    return await open_loop.send(url, [signed(payment) for payment in payments], RATE)


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

    await bare_server.serve("/", take, port, stop)
