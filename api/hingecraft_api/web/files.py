"""Sends an open file: from the kernel's cache to the socket, under uvloop as well, which cannot do that itself."""

from __future__ import annotations

import asyncio
import os
import select

from aiohttp import web

from hingecraft.purchases.downloads.folder import Folder, OpenFile
from hingecraft_api.messages.ranges import Part

# In one go, so that a thread goes back to the pool.
_AT_ONCE = 4 * 1024 * 1024
# A client that takes nothing for as many seconds is gone.
_TAKES_WITHIN = 60.0
# A fast client makes room within as many milliseconds: waiting for it in the thread costs a tenth of going back to the
# event loop.
_FAST_MS = 1


async def send_file(
    request: web.Request, response: web.StreamResponse, folder: Folder, file: OpenFile, part: Part
) -> web.StreamResponse:
    """Send a part of a file; the caller closes the file. Raises ConnectionError when the client is gone.

    The file is read in threads, which wait for the disk, and for the client a millisecond at most. If somebody writes
    to it meanwhile, the connection is cut, so that nobody takes a mixture of two versions for a file.
    """
    transport = request.transport
    if transport is None:
        raise ConnectionResetError
    # Until the headers have left, nothing may be written past the transport.
    transport.set_write_buffer_limits(high=0)
    writer = await response.prepare(request)
    assert writer is not None
    await writer.drain()
    transport.set_write_buffer_limits()
    if part.length:
        await _send(transport, folder, file, part)
    await response.write_eof()
    return response


async def _send(transport: asyncio.WriteTransport, folder: Folder, file: OpenFile, part: Part) -> None:
    # A duplicate, since event loops want the descriptors of their transports for themselves.
    out = os.dup(transport.get_extra_info("socket").fileno())
    try:
        position = part.start
        while True:
            position = await folder.in_thread(_push, out, file, position, part.end)
            if position == part.end:
                return
            await _until_writable(out)
            if transport.is_closing():
                raise ConnectionResetError
    finally:
        os.close(out)


def _push(out: int, file: OpenFile, position: int, end: int) -> int:
    """Send as much as the socket takes, and answer the new position."""
    stop = min(end, position + _AT_ONCE)
    while position < stop:
        if not file.is_unchanged:
            raise ConnectionAbortedError
        try:
            sent = os.sendfile(out, file.descriptor, position, stop - position)
        except BlockingIOError:
            if not _has_room(out):
                break
            continue
        if sent == 0:
            raise ConnectionAbortedError
        position += sent
    return position


def _has_room(out: int) -> bool:
    waiting = select.poll()
    waiting.register(out, select.POLLOUT)
    return bool(waiting.poll(_FAST_MS))


async def _until_writable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    writable = loop.create_future()
    loop.add_writer(descriptor, _set, writable)
    try:
        async with asyncio.timeout(_TAKES_WITHIN):
            await writable
    except TimeoutError:
        raise ConnectionAbortedError from None
    finally:
        loop.remove_writer(descriptor)


def _set(writable: asyncio.Future[None]) -> None:
    if not writable.done():
        writable.set_result(None)
