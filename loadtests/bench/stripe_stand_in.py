"""Answers for Stripe's invoices and subscriptions, after the time that Stripe takes. It runs on the generator's core.

The sandbox keeps its books in a journal and would be slower than what is measured. Each object follows from its id.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event as EventType
from typing import Any

import psutil
from aiohttp import web
from bench import sold
from bench.servers import GENERATOR_CORE

from hingecraft_sandbox.postgres import free_port

LATENCY = 0.15


@dataclass(frozen=True)
class StandIn:
    """A running one."""

    address: str
    process: psutil.Process


@contextmanager
def running() -> Iterator[StandIn]:
    port, stop = free_port(), multiprocessing.Event()
    started = multiprocessing.Process(target=_run, args=(port, stop))
    started.start()
    assert started.pid is not None
    try:
        yield StandIn(f"http://127.0.0.1:{port}", psutil.Process(started.pid))
    finally:
        stop.set()
        started.join(10)


def _run(port: int, stop: EventType) -> None:
    os.sched_setaffinity(0, {int(GENERATOR_CORE)})
    asyncio.run(_serve(port, stop))


async def _serve(port: int, stop: EventType) -> None:
    async def answer(found: dict[str, Any]) -> web.Response:
        await asyncio.sleep(LATENCY)
        return web.Response(body=json.dumps(found).encode(), content_type="application/json")

    async def invoice(request: web.Request) -> web.Response:
        return await answer(sold.invoice(request.match_info["id"], payments=True))

    async def subscription(request: web.Request) -> web.Response:
        return await answer(sold.subscription(request.match_info["id"]))

    app = web.Application()
    app.router.add_get("/v1/invoices/{id}", invoice)
    app.router.add_get("/v1/subscriptions/{id}", subscription)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    while not stop.is_set():
        await asyncio.sleep(0.2)
    await runner.cleanup()
