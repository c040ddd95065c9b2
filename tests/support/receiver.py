"""An endpoint that takes webhooks and does with them what a test tells it to."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from standardwebhooks.webhooks import Webhook

from support.limits import PROGRESS

SECRET = "whsec_dGVzdC1zZWNyZXQtdGVzdC1zZWNyZXQ="

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def accept(_request: web.Request) -> web.Response:
    return web.Response(status=204)


class Receiver:
    """Receives our webhooks and verifies them with the reference library."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.forged = 0
        self.secret = SECRET
        self.behave: Behaviour = accept
        self.url = ""

    async def take(self, request: web.Request) -> web.StreamResponse:
        body = await request.text()
        try:
            event = Webhook(self.secret).verify(body, dict(request.headers))
        except Exception:
            self.forged += 1
            raise
        self.events.append(event)
        self.ids.append(request.headers["webhook-id"])
        return await self.behave(request)

    async def until(self, count: int, within: float = PROGRESS) -> None:
        async with asyncio.timeout(within):
            while len(self.events) < count:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def receiving(context: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """Over plain http, or over https with a certificate."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    scheme = "https" if context else "http"
    receiver.url = f"{scheme}://127.0.0.1:{runner.addresses[0][1]}/_functions/hingecraftRoutesUpdate"
    try:
        yield receiver
    finally:
        await runner.cleanup()
