"""Answers that are sent part by part: downloads, and streams that stay open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


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
    headers: Mapping[str, str] = field(default_factory=dict)

    async def send(self, request: web.Request, draining: asyncio.Event) -> web.StreamResponse:
        """Send all parts."""
        response = web.StreamResponse(headers={"Content-Type": self.content_type, **self.headers})
        await response.prepare(request)
        if self.endless:
            await _until(draining, self._write(response))
        else:
            await self._write(response)
        await response.write_eof()
        return response

    async def _write(self, response: web.StreamResponse) -> None:
        async with aclosing(self.parts) as parts:
            async for part in parts:
                await response.write(part)


async def _until(stopping: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do the work, and cancel it when the event is set."""
    working, stopped = asyncio.create_task(work), asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({working, stopped}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (working, stopped):
            task.cancel()
        await asyncio.gather(working, stopped, return_exceptions=True)
    if not working.cancelled():
        working.result()
