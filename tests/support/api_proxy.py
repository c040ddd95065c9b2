"""Stands before the API server: refuses, falls silent, or lets through."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp import web

from support.control_plane import ControlPlane

_HOP_BY_HOP = {"Transfer-Encoding", "Content-Length", "Connection", "Content-Encoding"}


@dataclass
class Refusal:
    """Some calls are answered so, a number of times."""

    method: str
    path: re.Pattern[str]
    status: int
    left: int
    headers: dict[str, str]


class ApiProxy:
    """What tests do to the way between an operator and its API server."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._refusals: list[Refusal] = []
        self._talking = asyncio.Event()
        self._talking.set()
        self._session: aiohttp.ClientSession | None = None
        self.refused = 0
        self.address = ""

    def refuse(self, method: str, path: str, status: int, times: int, **headers: str) -> None:
        self._refusals.append(Refusal(method, re.compile(path), status, times, headers))

    def allow(self) -> None:
        """Refuse nothing any more."""
        self._refusals.clear()

    def silence_watches(self) -> None:
        """Those that are open say nothing more, and nobody is told that they are dead."""
        self._talking.clear()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        for refusal in self._refusals:
            if refusal.left and request.method == refusal.method and refusal.path.search(request.path):
                refusal.left -= 1
                self.refused += 1
                body = {"kind": "Status", "status": "Failure", "code": refusal.status, "message": "refused by a test"}
                return web.json_response(body, status=refusal.status, headers=refusal.headers)
        return await self._forward(request)

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        assert self._session is not None
        headers = {key: value for key, value in request.headers.items() if key not in {"Host", "Content-Length"}}
        try:
            async with self._session.request(
                request.method,
                self._plane.address + request.path_qs,
                headers=headers,
                data=await request.read() or None,
                skip_auto_headers={"Content-Type"},
            ) as answer:
                kept = {key: value for key, value in answer.headers.items() if key not in _HOP_BY_HOP}
                response = web.StreamResponse(status=answer.status, headers=kept)
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    if request.query.get("watch"):
                        await self._talking.wait()
                    await response.write(chunk)
                await response.write_eof()
                return response
        except aiohttp.ClientError:
            return web.Response(status=502)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ApiProxy]:
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._serve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        context = ssl.create_default_context(cafile=str(self._plane.authority))
        connector = aiohttp.TCPConnector(limit=0, ssl=context)
        timeout = aiohttp.ClientTimeout(total=None)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False) as self._session:
            yield self
        await runner.cleanup()
