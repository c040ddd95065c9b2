"""Sends the same bytes to two pods, of which only one has the lane, and makes what they send back comparable."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from support.limits import PROGRESS
from support.pods import Running

# The last request of every connection ends it.
_LAST = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
_FORMS = (
    (re.compile(rb"\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n"), b"\r\nDate: ...\r\n"),
    (re.compile(rb"\r\nX-Routes-Age: \d+\r\n"), b"\r\nX-Routes-Age: ...\r\n"),
    (re.compile(rb"(Retry-After: |Try again in )\d+"), rb"\1..."),
    (re.compile(rb"(?<![0-9a-f])[0-9a-f]{24}(?![0-9a-f])"), b"an id"),
)


def request(*fields: str, method: str = "GET", target: str = "/routes", version: str = "HTTP/1.1") -> bytes:
    return "\r\n".join([f"{method} {target} {version}", "Host: x", *fields, "", ""]).encode("latin-1")


PLAIN = request()


@dataclass(frozen=True)
class TwoPaths:
    """Two pods over one database, the second one without the lane."""

    lane: Running
    aiohttp: Running

    async def compare(self, *pieces: bytes) -> bytes:
        """Send the pieces to both; answers what came back, which must be the same bytes but for ids and times."""
        expected, before = await _exchange(self.aiohttp, pieces)
        answered, _ = await _exchange(self.lane, pieces)
        assert _comparable(answered) == _comparable(expected), pieces
        return expected[:before]


def _comparable(stream: bytes) -> bytes:
    for form, text in _FORMS:
        stream = form.sub(text, stream)
    return stream


async def _exchange(pod: Running, pieces: Sequence[bytes]) -> tuple[bytes, int]:
    """All that the pod sent, and how much of it before the last request was sent."""
    host, _, port = pod.public.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stream = bytearray()
        async with asyncio.timeout(PROGRESS):
            for piece in pieces:
                await _send(connection, piece)
                await _read_for_now(connection, stream, passes=3)
            await _read_for_now(connection, stream, passes=40)
            before = len(stream)
            await _send(connection, _LAST)
            with suppress(ConnectionError):
                while part := await asyncio.get_running_loop().sock_recv(connection, 1 << 20):
                    stream += part
    return bytes(stream), before


async def _send(connection: socket.socket, data: bytes) -> None:
    with suppress(ConnectionError):
        await asyncio.get_running_loop().sock_sendall(connection, data)


async def _read_for_now(connection: socket.socket, stream: bytearray, passes: int) -> None:
    """Until nothing comes any more: the pods run in this loop, so they have had their turn in each of its passes."""
    while passes:
        try:
            part = connection.recv(1 << 20)
        except BlockingIOError:
            passes -= 1
            await asyncio.sleep(0)
        except ConnectionError:
            return
        else:
            if not part:
                return
            stream += part


async def connect(pod: Running) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, _, port = pod.public.removeprefix("http://").partition(":")
    return await asyncio.open_connection(host, int(port))


def counted(pod: Running, metric: str) -> dict[tuple[tuple[str, str], ...], float]:
    """The counts of a metric of requests, by its labels."""
    samples = (each for family in getattr(pod.pod.metrics.requests, metric).collect() for each in family.samples)
    return {
        tuple(each.labels.items()): each.value
        for each in samples
        if not each.name.endswith(("_created", "_sum", "_bucket"))
    }
