"""An issuer's address of keys: a real server that serves them, and that can be made to misbehave."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

from support.tokens import Signer

Answer = Callable[["Issuer", web.Request], Awaitable[web.StreamResponse]]


class Issuer:
    """Serves the keys of `signers`, or answers as `misbehave` says."""

    def __init__(self) -> None:
        self.address = ""
        self.signers: list[Signer] = []
        self.misbehave: Answer | None = None
        self.fetches = 0
        self.elsewhere = 0
        self.stopping = asyncio.Event()

    async def keys(self, request: web.Request) -> web.StreamResponse:
        self.fetches += 1
        if self.misbehave is not None:
            return await self.misbehave(self, request)
        return self.answer()

    async def other(self, _request: web.Request) -> web.StreamResponse:
        self.elsewhere += 1
        return self.answer()

    def answer(self) -> web.Response:
        return web.json_response({"keys": [each.jwk for each in self.signers]})


async def hangs(issuer: Issuer, _request: web.Request) -> web.StreamResponse:
    await issuer.stopping.wait()
    return web.Response()


async def drips(issuer: Issuer, request: web.Request) -> web.StreamResponse:
    """One byte after another, and never the last."""
    response = web.StreamResponse()
    await response.prepare(request)
    while not issuer.stopping.is_set():
        await response.write(b" ")
        await asyncio.sleep(0.02)
    return response


async def garbage(_issuer: Issuer, _request: web.Request) -> web.StreamResponse:
    return web.Response(body=b"<html>\xff</html>", content_type="text/html")


async def nested(_issuer: Issuer, _request: web.Request) -> web.StreamResponse:
    return web.Response(text="[" * 60_000, content_type="application/json")


async def no_list(_issuer: Issuer, _request: web.Request) -> web.StreamResponse:
    return web.json_response({"keys": {"kid": "a"}})


async def megabyte(issuer: Issuer, _request: web.Request) -> web.StreamResponse:
    """The right keys, with a megabyte around them."""
    return web.json_response({"keys": [each.jwk for each in issuer.signers], "padding": "x" * 1_000_000})


async def fails(_issuer: Issuer, _request: web.Request) -> web.StreamResponse:
    return web.Response(status=500)


async def leads_elsewhere(_issuer: Issuer, request: web.Request) -> web.StreamResponse:
    raise web.HTTPFound(request.url.with_path("/elsewhere"))


@asynccontextmanager
async def running_issuer(*signers: Signer) -> AsyncIterator[Issuer]:
    issuer = Issuer()
    issuer.signers = list(signers)
    app = web.Application()
    app.router.add_get("/keys", issuer.keys)
    app.router.add_get("/elsewhere", issuer.other)
    runner = web.AppRunner(app, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    issuer.address = f"http://127.0.0.1:{runner.addresses[0][1]}/keys"
    try:
        yield issuer
    finally:
        issuer.stopping.set()
        await runner.cleanup()
