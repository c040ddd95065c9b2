"""Stands before the API server: refuses, hangs, answers what was true before, falls silent, or lets through."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web

from support.control_plane import ControlPlane

_HOP_BY_HOP = {"Transfer-Encoding", "Content-Length", "Connection", "Content-Encoding"}


@dataclass(kw_only=True)
class Fault:
    """A fault that hits a number of matching calls."""

    method: str
    path: re.Pattern[str]
    left: int = 1
    # Answered so, without asking the API server.
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    # Never answered: `before` or `after` the API server has done what it was asked.
    hangs: str = ""
    # Answered with what the same call was answered the last time.
    stale: bool = False
    reached: asyncio.Event = field(default_factory=asyncio.Event)


class ApiProxy:
    """A proxy between an operator and its API server, for tests that make calls fail."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._faults: list[Fault] = []
        self._answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self._talking = asyncio.Event()
        self._talking.set()
        self._session: aiohttp.ClientSession | None = None
        self.refused = 0
        self.calls: list[tuple[str, str]] = []
        self.address = ""

    def refuse(self, method: str, path: str, status: int, times: int, **headers: str) -> Fault:
        return self._add(Fault(method=method, path=re.compile(path), status=status, left=times, headers=headers))

    def hang(self, method: str, path: str, when: str) -> Fault:
        """Never answer: without forwarding the call (`before`), or after forwarding it (`after`)."""
        return self._add(Fault(method=method, path=re.compile(path), hangs=when))

    def be_stale(self, method: str, path: str) -> Fault:
        """Answer as the last time."""
        return self._add(Fault(method=method, path=re.compile(path), stale=True))

    def _add(self, fault: Fault) -> Fault:
        self._faults.append(fault)
        return fault

    def allow(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    def silence_watches(self) -> None:
        """Open connections go silent, and neither side is told."""
        self._talking.clear()

    def let_watches_talk(self) -> None:
        self._talking.set()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("watch"):
            return await self._stream(request)
        self.calls.append((request.method, request.path))
        fault = self._of(request)
        if fault is None:
            return await self._forward(request)
        fault.left -= 1
        fault.reached.set()
        if fault.status:
            self.refused += 1
            body = {"kind": "Status", "status": "Failure", "code": fault.status, "message": "refused by a test"}
            return web.json_response(body, status=fault.status, headers=fault.headers)
        if fault.stale and request.path_qs in self._answers:
            status, headers, text = self._answers[request.path_qs]
            return web.Response(status=status, headers=headers, body=text)
        if fault.hangs == "after":
            await self._forward(request)
        if fault.hangs:
            await asyncio.sleep(3600)
        return await self._forward(request)

    def _of(self, request: web.Request) -> Fault | None:
        return next(
            (
                fault
                for fault in self._faults
                if fault.left and request.method == fault.method and fault.path.search(request.path)
            ),
            None,
        )

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        try:
            async with await self._asked(request) as answer:
                text = await answer.read()
                kept = {key: value for key, value in answer.headers.items() if key not in _HOP_BY_HOP}
                if request.method == "GET":
                    self._answers[request.path_qs] = (answer.status, kept, text)
                return web.Response(status=answer.status, headers=kept, body=text)
        except aiohttp.ClientError:
            return web.Response(status=502)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        try:
            async with await self._asked(request) as answer:
                kept = {key: value for key, value in answer.headers.items() if key not in _HOP_BY_HOP}
                response = web.StreamResponse(status=answer.status, headers=kept)
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await self._talking.wait()
                    await response.write(chunk)
                await response.write_eof()
                return response
        except aiohttp.ClientError:
            return web.Response(status=502)

    async def _asked(self, request: web.Request) -> aiohttp.ClientResponse:
        assert self._session is not None
        headers = {
            key: value
            for key, value in request.headers.items()
            if key not in {"Host", "Content-Length", "Accept-Encoding"}
        }
        return await self._session.request(
            request.method,
            self._plane.address + request.path_qs,
            headers=headers,
            data=await request.read() or None,
            skip_auto_headers={"Content-Type", "Accept-Encoding"},
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[ApiProxy]:
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._serve)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        context = ssl.create_default_context(cafile=str(self._plane.authority))
        connector = aiohttp.TCPConnector(limit=0, ssl=context)
        timeout = aiohttp.ClientTimeout(total=None)
        try:
            async with aiohttp.ClientSession(
                connector=connector, timeout=timeout, auto_decompress=False
            ) as self._session:
                yield self
        finally:
            await runner.cleanup()
