"""Checkouts against a sandbox that answers in 150 ms: our own share of the time, and what one core carries.

The sandbox's answers are canned here, by a plain aiohttp server on the generator's core: the stateful sandbox
would be the bottleneck. The baseline of the same run is only the SDK, on the same core, making the same call.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.synchronize import Event as EventType

import aiohttp
import psutil
from aiohttp import web
from bench import bare_server
from bench.api_process import migrate, running_api
from bench.figures import Figure, say
from bench.servers import GENERATOR_CORE, SERVER_CORE, cpu_seconds, postgres

from hingecraft.providers.patience import Deadline
from hingecraft.providers.stripe.client import StripeProvider
from hingecraft.settings import DsnSecret
from hingecraft_sandbox.postgres import free_port
from support.pods import settings_of
from support.sandbox import STRIPE_KEY

LATENCY = 0.15
STEADY, MOST = 100, 200
SECONDS = 15
CALLS: dict[str, dict[str, object]] = {
    "/mission-support/micro-payment": {"amount": 5},
    "/charter/generate-payment": {"amount": 7, "currency": "EUR"},
}


@dataclass
class Run:
    """The results of one load."""

    seconds: list[float]
    failed: int
    took: float
    cpu: float

    @property
    def p99(self) -> float:
        return statistics.quantiles(self.seconds, n=100)[98]

    @property
    def rate(self) -> float:
        return len(self.seconds) / self.took


def run() -> Iterator[Figure]:
    port = free_port()
    stop = multiprocessing.Event()
    provider = multiprocessing.Process(target=_canned, args=(port, stop))
    provider.start()
    try:
        yield from _figures(f"http://127.0.0.1:{port}")
    finally:
        stop.set()
        provider.join(10)


def _figures(base: str) -> Iterator[Figure]:
    with postgres() as server:
        migrate(server)
        for process in (psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)):
            with suppress(psutil.NoSuchProcess):  # the connection of the migration may be ending
                process.cpu_affinity([int(GENERATOR_CORE)])
        environment = {
            "STRIPE_SECRET": STRIPE_KEY,
            "STRIPE_WEBHOOK_SECRET": "whsec_sandbox",
            "STRIPE_API_BASE": base,
            "STRIPE_RATE": "5000",
            "RATE_LIMIT": "1000000",
        }
        with running_api(server, **environment) as api:
            asyncio.run(_load(api.url, STEADY, 3, api.process))
            steady = asyncio.run(_load(api.url, STEADY, SECONDS, api.process))
            most = asyncio.run(_load(api.url, MOST, SECONDS, api.process))
    bare = asyncio.run(_sdk_alone(base))
    share = (steady.p99 - LATENCY) * 1000
    say(f"{STEADY}/s: p50 {statistics.median(steady.seconds) * 1000:.0f} ms, p99 {steady.p99 * 1000:.0f} ms, "
        f"{steady.cpu * 1000:.2f} ms of CPU each, {steady.failed} failed")  # fmt: skip
    say(f"{MOST}/s: {most.rate:.0f}/s carried, p99 {most.p99 * 1000:.0f} ms, {most.cpu * 1000:.2f} ms of CPU each, "
        f"{most.failed} failed")  # fmt: skip
    say(f"only the SDK: {bare * 1000:.2f} ms of CPU each")
    yield Figure("our own share of a checkout at 100/s, p99", share, 25, unit=" ms")
    yield Figure("failed checkouts", steady.failed + most.failed, 0)
    yield Figure("checkouts a second on one core", most.rate, MOST * 0.99, at_least=True, unit="/s")
    yield Figure("CPU of a checkout, of what one core has at 200/s", most.cpu * MOST, 1.0)
    yield Figure("CPU of a checkout, compared with only the SDK's call", most.cpu / bare, 5.0)


async def _load(url: str, rate: int, seconds: int, process: psutil.Process) -> Run:
    """An open loop: a request leaves when its moment has come, whatever became of those before."""
    spent = cpu_seconds(process)
    found = Run([], 0, 0.0, 0.0)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
        started = time.perf_counter()
        tasks = []
        for number in range(rate * seconds):
            await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
            path = list(CALLS)[number % len(CALLS)]
            tasks.append(
                asyncio.create_task(
                    _one(client, url + path, CALLS[path], f"{os.getpid()}-{rate}-{started}-{number}", found)
                )
            )
        await asyncio.gather(*tasks)
        found.took = time.perf_counter() - started - LATENCY
    found.cpu = (cpu_seconds(process) - spent) / max(1, len(found.seconds))
    return found


async def _one(client: aiohttp.ClientSession, url: str, body: dict[str, object], key: str, found: Run) -> None:
    started = time.perf_counter()
    async with client.post(url, json=body, headers={"Idempotency-Key": f"bench-{key}"}) as response:
        await response.read()
        if response.status == 200:
            found.seconds.append(time.perf_counter() - started)
        else:
            found.failed += 1


async def _sdk_alone(base: str, calls: int = 1000, at_once: int = 30) -> float:
    """CPU-seconds of one call, made as the pods make it."""
    os.sched_setaffinity(0, {int(SERVER_CORE)})
    nowhere = DsnSecret("postgresql://nobody@localhost/none")
    provider = StripeProvider(settings_of(nowhere, stripe_secret=STRIPE_KEY, stripe_api_base=base, stripe_rate=5000))
    slots = asyncio.Semaphore(at_once)

    async def one(number: int) -> None:
        async with slots:
            await provider.open({"mode": "payment"}, f"a-key-of-this-bench-{number}", Deadline.within(10))

    await asyncio.gather(*(one(-number) for number in range(1, 50)))
    before = time.process_time()
    await asyncio.gather(*(one(number) for number in range(calls)))
    spent = time.process_time() - before
    await provider.close()
    os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))
    return spent / calls


def _canned(port: int, stop: EventType) -> None:
    os.sched_setaffinity(0, {int(GENERATOR_CORE)})
    asyncio.run(_serve(port, stop))


async def _serve(port: int, stop: EventType) -> None:
    """Answers every session alike, as large as Stripe's, after 150 ms."""
    numbers = iter(range(10**9))
    padding = {f"field_{number}": None for number in range(60)}

    async def create(request: web.Request) -> web.Response:
        await request.read()
        await asyncio.sleep(LATENCY)
        session_id = f"cs_test_{next(numbers):048x}"
        session = {
            "id": session_id, "object": "checkout.session", "expires_at": int(time.time()) + 3600, "status": "open",
            "url": f"http://127.0.0.1:{port}/pay/{session_id}", **padding,
        }  # fmt: skip
        return web.Response(body=json.dumps(session).encode(), content_type="application/json")

    await bare_server.serve("/v1/checkout/sessions", create, port, stop)
