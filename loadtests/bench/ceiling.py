"""The most that uvloop and the kernel allow: a protocol that parses nothing and always sends the same bytes.

Run as a program with a port, the status (200 or 304) and the file of the body.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import cast

import uvloop

# As many headers as a pod sends, with values of the same length.
HEAD = (
    "HTTP/1.1 {status}\r\nServer: hingecraft\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n"
    "X-Frame-Options: DENY\r\nContent-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
    "Strict-Transport-Security: max-age=31536000\r\nCross-Origin-Resource-Policy: cross-origin\r\n"
    "Content-Type: application/json; charset=utf-8\r\nCache-Control: public, max-age=1\r\n"
    'ETag: "{tag}"\r\nVary: Accept-Encoding, Origin\r\nX-Routes-Version: 1\r\nX-Routes-Age: 0\r\n{length}'
    "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nX-Request-ID: 000000000000000000000000\r\n\r\n"
)


class Sender(asyncio.Protocol):
    """Answers each piece that arrives, which is one request of wrk's."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit from asyncio's.
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, _data: bytes) -> None:
        self._transport.write(self._answer)


async def serve(port: int, answer: bytes) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: Sender(answer), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    body = Path(sys.argv[3]).read_bytes() if sys.argv[2] == "200" else b""
    length = f"Content-Length: {len(body)}\r\n" if body else ""
    status = "200 OK" if body else "304 Not Modified"
    head = HEAD.format(status=status, tag="0" * 64, length=length)
    uvloop.run(serve(int(sys.argv[1]), head.encode() + body))
