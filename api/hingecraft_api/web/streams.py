"""Answers that are sent part by part: downloads, and streams that stay open."""

from __future__ import annotations

import asyncio
import fcntl
import struct
import sys
import termios
from collections.abc import AsyncGenerator, Coroutine, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from hingecraft_api.web.server import lost

# Seconds for the end of an endless stream to reach a reader.
_LAST_WRITE = 2.0
# Seconds that a reader may take nothing, while there is more to send than its connection holds. A browser takes nothing
# of a download that a person has paused.
_STALLED_FOR = 30.0
_DOWNLOAD_STALLED_FOR = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """An answer that is sent part by part. The headers of every answer are added.

    When the pod drains, a download is finished, and an endless stream ends between two parts: its reader connects
    again, to another pod. If `parts` raises an error, the connection is cut, so that nobody takes half a download for
    all of it. So is that of a reader who takes nothing for half a minute, of a download for a minute.
    """

    parts: AsyncGenerator[bytes, None]
    content_type: str
    endless: bool = False
    # Seconds after which an endless stream ends in any case, such as those until the caller's token ends.
    ends_within: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    async def send(self, request: web.Request, draining: asyncio.Event) -> web.StreamResponse:
        """Send all parts."""
        response = web.StreamResponse(headers={"Content-Type": self.content_type, **self.headers})
        writer = await response.prepare(request)
        assert writer is not None, "nothing was sent before"
        reader = _Reader(request, writer)
        if self.endless:
            gone = lost(request)
            await _until((draining, gone), self.ends_within, self._write(response, reader, _STALLED_FOR))
            if not gone.is_set():
                await _end(request, response)
        else:
            await self._write(response, reader, _DOWNLOAD_STALLED_FOR)
            await reader.takes_the_rest(response, _DOWNLOAD_STALLED_FOR)
        return response

    async def _write(self, response: web.StreamResponse, reader: _Reader, patience: float) -> None:
        async with aclosing(self.parts) as parts:
            async for part in parts:
                await reader.takes(response.write(part), patience)


class _Reader:
    """The reader of an answer, fast or slow."""

    def __init__(self, request: web.Request, writer: AbstractStreamWriter) -> None:
        self._request = request
        self._writer = writer

    async def takes(self, writing: Coroutine[Any, Any, None], patience: float) -> None:
        """Write until the rest fits into the connection. Cut the reader off who takes nothing for so many seconds."""
        task = asyncio.create_task(writing)
        try:
            taken = self._taken()
            while not (await asyncio.wait((task,), timeout=patience))[0]:
                before, taken = taken, self._taken()
                if taken == before:
                    _cut_off(self._request)
                    raise ConnectionResetError("the reader takes nothing any more")
            task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def takes_the_rest(self, response: web.StreamResponse, patience: float) -> None:
        """End the answer. A connection that is closed sends what it still holds, however long that takes."""
        transport = self._request.transport
        if transport is not None:
            transport.set_write_buffer_limits(high=0)
        await self.takes(response.write_eof(), patience)
        if transport is not None:
            transport.set_write_buffer_limits()

    def _taken(self) -> int:
        """How many bytes of the answer have arrived."""
        transport = self._request.transport
        if transport is None or transport.is_closing():
            return self._writer.output_size
        return self._writer.output_size - transport.get_write_buffer_size() - _in_kernel(transport)


def _in_kernel(transport: asyncio.Transport) -> int:
    """How many bytes the kernel holds that the other side has not confirmed; other systems than Linux do not say."""
    if sys.platform != "linux":
        return 0
    answer = fcntl.ioctl(transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, struct.pack("i", 0))
    return int(struct.unpack("i", answer)[0])


async def _end(request: web.Request, response: web.StreamResponse) -> None:
    """The end of an endless stream; a reader who takes nothing any more is cut off."""
    try:
        async with asyncio.timeout(_LAST_WRITE):
            await response.write_eof()
    except TimeoutError:
        _cut_off(request)


def _cut_off(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


async def _until(stops: Iterable[asyncio.Event], seconds: float | None, work: Coroutine[Any, Any, None]) -> None:
    """Do the work, and cancel it when one of the events is set or its time is over."""
    working = asyncio.create_task(work)
    tasks = [working, *(asyncio.create_task(stop.wait()) for stop in stops)]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if not working.cancelled():
        working.result()
