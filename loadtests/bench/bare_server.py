"""A server with a few handlers, in a process of its own: a stand-in for a provider, or the least that aiohttp costs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from multiprocessing.synchronize import Event

from aiohttp import web


async def serve(routes: Iterable[web.RouteDef], port: int, stop: Event) -> None:
    """Until `stop` is set."""
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    while not stop.is_set():
        await asyncio.sleep(0.2)
    await runner.cleanup()
