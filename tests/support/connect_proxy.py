"""A company's proxy: takes CONNECT, and plain requests for http addresses; it resolves names itself."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

CREDENTIALS = ("proxy-user", "proxy-password")
_EXPECTED = f"Basic {base64.b64encode(':'.join(CREDENTIALS).encode()).decode()}"


class ConnectProxy:
    """A CONNECT proxy that records the requested names, forwards those that it knows, and rejects all others."""

    def __init__(self, names: Mapping[str, int], *, needs_login: bool = False) -> None:
        self.asked: list[str] = []
        self.port = 0
        self._names = dict(names)
        self._needs_login = needs_login

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def address_with_login(self) -> str:
        return f"http://{':'.join(CREDENTIALS)}@127.0.0.1:{self.port}"

    @property
    def hosts(self) -> set[str]:
        """The names that clients asked for."""
        return {asked.rpartition(" ")[2].rpartition(":")[0] for asked in self.asked}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            request, *lines = head.split("\r\n")
            method, target, _ = request.split()
            host, port = _place(target)
            self.asked.append(f"{method} {host}:{port}")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            if self._needs_login and headers.get("proxy-authorization") != _EXPECTED:
                await _answer(writer, "407 Proxy Authentication Required")
            elif host not in self._names:
                await _answer(writer, "403 Forbidden")
            elif method == "CONNECT":
                await self._tunnel(reader, writer, self._names[host])
            else:
                await self._pass_on(head, reader, writer, self._names[host])
        writer.close()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_copied(reader, there_writer), _copied(there_reader, writer))

    async def _pass_on(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        """One request for each connection."""
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", port)
        request, rest = head.split("\r\n", 1)
        method, target, version = request.split()
        there_writer.write(f"{method} {_path(target)} {version}\r\nConnection: close\r\n{rest}".encode())
        await asyncio.gather(_copied(reader, there_writer), _copied(there_reader, writer))


def _place(target: str) -> tuple[str, int]:
    parts = urlsplit(target if "//" in target else f"//{target}")
    return parts.hostname or "", parts.port or 80


def _path(target: str) -> str:
    parts = urlsplit(target)
    return f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"


async def _answer(writer: asyncio.StreamWriter, status: str) -> None:
    writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
    await writer.drain()


async def _copied(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
    target.close()


@asynccontextmanager
async def connect_proxy(names: Mapping[str, int] | None = None, **how: bool) -> AsyncIterator[ConnectProxy]:
    proxy = ConnectProxy(names or {}, **how)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
