"""Proxies between processes and their servers: report each write, commit and call that was done, before its answer."""

from __future__ import annotations

import asyncio
import re
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web
from yarl import URL

from hingecraft_sandbox.postgres import free_port

# Called with the step; if it raises ConnectionError, the answer is not passed on.
After = Callable[[str], Awaitable[None]]
# Reads leave nothing: a process that dies after one dies after the step before.
_WRITES = re.compile(r"\b(?:INSERT INTO|DELETE FROM|UPDATE \S+(?: AS)?(?: \w+)?\s+SET)\b")
_SSL, _GSS = 80877103, 80877104
_ID = re.compile(r"/(?:(?:[a-z]+_)+[0-9a-zA-Z]{8,}|hc_[0-9a-f-]{36})")
_PER_CONNECTION = {"host", "content-length", "content-encoding", "transfer-encoding", "connection", "keep-alive"}


@asynccontextmanager
async def tapped(dsn: str, stripe: str, after: After) -> AsyncIterator[dict[str, str]]:
    """The environment of processes whose steps are told."""
    postgres, calls = PostgresTap(dsn, after), StripeTap(stripe, after)
    async with postgres.running(), calls.running():
        yield {"DATABASE_URL": postgres.dsn, "STRIPE_API_BASE": calls.address}


class PostgresTap:
    """Reads the protocol of Postgres, of which it changes nothing."""

    def __init__(self, dsn: str, after: After) -> None:
        parts = urlsplit(dsn)
        self._target = parts.hostname, parts.port
        self._after = after
        self._port = free_port()
        self.dsn = dsn.replace(f":{parts.port}/", f":{self._port}/")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        try:
            yield
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream_writer = await asyncio.open_connection(*self._target)
        session = _Session(self._after)
        try:
            with suppress(OSError, EOFError):
                await session.begin(reader, upstream_writer, upstream_reader, writer)
                asking = asyncio.create_task(session.ask(reader, upstream_writer))
                answering = asyncio.create_task(session.answer(upstream_reader, writer))
                await asyncio.wait({asking, answering}, return_when=asyncio.FIRST_COMPLETED)
                for task in (asking, answering):
                    task.cancel()
                await asyncio.gather(asking, answering, return_exceptions=True)
        finally:
            writer.close()
            upstream_writer.close()


class _Session:
    """One connection, with the names of its prepared statements."""

    def __init__(self, after: After) -> None:
        self._after = after
        self._prepared: dict[bytes, str] = {}
        self._bound = ""
        self._running: list[str] = []
        self._done: list[str] = []
        self._wrote = False

    async def begin(
        self,
        reader: asyncio.StreamReader,
        upstream: asyncio.StreamWriter,
        answers: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        """The first message has no type. Before it a client may ask for encryption, which is answered by one byte."""
        while True:
            head = await reader.readexactly(8)
            length, code = struct.unpack("!ii", head)
            upstream.write(head + await reader.readexactly(length - 8))
            if code not in {_SSL, _GSS}:
                return
            writer.write(await answers.readexactly(1))

    async def ask(self, reader: asyncio.StreamReader, upstream: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readexactly(5)
            body = await reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)
            self._note(head[:1], body)
            upstream.write(head + body)

    def _note(self, kind: bytes, body: bytes) -> None:
        """Note the statement that runs next."""
        if kind == b"P":
            name, text, _ = body.split(b"\0", 2)
            self._prepared[name] = text.decode()
        elif kind == b"B":
            self._bound = self._prepared.get(body.split(b"\0", 2)[1], "")
        elif kind == b"E":
            self._running.append(self._bound)
        elif kind == b"Q":
            self._running.append(body[:-1].decode())

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await reader.readexactly(5)
            body = await reader.readexactly(struct.unpack("!i", head[1:])[0] - 4)
            # Of a statement of which one row is wanted, the end is not told.
            if head[:1] in {b"C", b"s"} and self._running:
                self._carried_out(self._running.pop(0), body[:-1].decode())
            elif head[:1] == b"Z":
                done, self._done, self._running = self._done, [], []
                for step in done:
                    await self._after(step)
            writer.write(head + body)

    def _carried_out(self, statement: str, tag: str) -> None:
        """The tag ends with the number of rows."""
        if tag == "COMMIT":
            if self._wrote:
                self._done.append(tag)
            self._wrote = False
        elif tag in {"BEGIN", "ROLLBACK"}:
            self._wrote = False
        elif _WRITES.search(statement) and not tag.endswith(" 0"):
            self._wrote = True
            self._done.append(" ".join(statement.split()))


class StripeTap:
    """Passes calls on to the sandbox."""

    def __init__(self, target: str, after: After) -> None:
        self._target = target
        self._after = after
        self._port = free_port()
        self.address = f"http://127.0.0.1:{self._port}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._pass_on)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self._port).start()
        async with aiohttp.ClientSession() as self._session:
            try:
                yield
            finally:
                await runner.cleanup()

    async def _pass_on(self, request: web.Request) -> web.Response:
        url = URL(self._target + request.raw_path, encoded=True)
        async with self._session.request(
            request.method, url, data=await request.read(), headers=_passed_on(request.headers)
        ) as response:
            answer = web.Response(
                status=response.status, body=await response.read(), headers=_passed_on(response.headers)
            )
        try:
            await self._after(f"{request.method} {_ID.sub('/{id}', request.path)}")
        except ConnectionError:
            if request.transport is not None:
                request.transport.abort()
        return answer


def _passed_on(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _PER_CONNECTION}
