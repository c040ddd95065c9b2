"""Answers that are sent part by part: downloads, and streams that stay open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

# Seconds for the end of an endless stream to reach a reader.
_LAST_WRITE = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """An answer that is sent part by part. The headers of every answer are added.

    When the pod drains, a download is finished, and an endless stream ends between two parts: its reader connects
    again, to another pod. If `parts` raises an error, the connection is cut, so that nobody takes half a download for
    all of it.
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
            await _until(draining, self.ends_within, self._write(response))
            await _end(request, response)
        else:
            await self._write(response)
            await response.write_eof()
        return response

    async def _write(self, response: web.StreamResponse) -> None:
        async with aclosing(self.parts) as parts:
            async for part in parts:
                await response.write(part)


async def _end(request: web.Request, response: web.StreamResponse) -> None:
    """The end of an endless stream; a reader who takes nothing any more is cut off."""
    try:
        async with asyncio.timeout(_LAST_WRITE):
            await response.write_eof()
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()


async def _until(stopping: asyncio.Event, seconds: float | None, work: Coroutine[Any, Any, None]) -> None:
    """Do the work, and cancel it when the event is set or its time is over."""
    working, stopped = asyncio.create_task(work), asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({working, stopped}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (working, stopped):
            task.cancel()
        await asyncio.gather(working, stopped, return_exceptions=True)
    if not working.cancelled():
        working.result()
