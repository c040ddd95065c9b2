"""A server with one handler, in a process of its own: a stand-in for a provider, or the least that aiohttp costs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from multiprocessing.synchronize import Event

from aiohttp import web


async def serve(
    path: str, handler: Callable[[web.Request], Awaitable[web.StreamResponse]], port: int, stop: Event
) -> None:
    """Answer POST until `stop` is set."""
    app = web.Application()
    app.router.add_post(path, handler)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=1024).start()
    while not stop.is_set():
        await asyncio.sleep(0.2)
    await runner.cleanup()
