"""One file by aiohttp's own FileResponse, on the event loop that pods run on: what `make bench` compares with."""

from __future__ import annotations

import sys

import uvloop
from aiohttp import web

FILE, PORT = sys.argv[1], int(sys.argv[2])


async def serve(_request: web.Request) -> web.StreamResponse:
    return web.FileResponse(FILE)


if __name__ == "__main__":
    application = web.Application()
    application.router.add_get("/", serve)
    web.run_app(application, host="127.0.0.1", port=PORT, loop=uvloop.new_event_loop(), access_log=None, print=None)
