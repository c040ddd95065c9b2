"""Answers that are sent part by part: downloads, and streams that stay open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from hingecraft_api.web.server import lost

# Seconds for the end of an endless stream to reach a reader.
_LAST_WRITE = 2.0
# Seconds that a reader of an endless stream may take nothing, while there is more to send than its connection holds.
_STALLED_FOR = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """An answer that is sent part by part. The headers of every answer are added.

    When the pod drains, a download is finished, and an endless stream ends between two parts: its reader connects
    again, to another pod. If `parts` raises an error, the connection is cut, so that nobody takes half a download for
    all of it. So is that of a reader of an endless stream who takes nothing for half a minute.
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
        await response.prepare(request)
        if self.endless:
            gone = lost(request)
            await _until((draining, gone), self.ends_within, self._write(request, response, _STALLED_FOR))
            if not gone.is_set():
                await _end(request, response)
        else:
            await self._write(request, response, None)
            await response.write_eof()
        return response

    async def _write(self, request: web.Request, response: web.StreamResponse, patience: float | None) -> None:
        async with aclosing(self.parts) as parts:
            async for part in parts:
                try:
                    async with asyncio.timeout(patience):
                        await response.write(part)
                except TimeoutError:
                    _cut_off(request)
                    raise ConnectionResetError("the reader takes nothing any more") from None


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
