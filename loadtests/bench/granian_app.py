"""The app that Granian serves in `make bench BENCH=routes`: the prepared bytes, by ASGI and by its own RSGI."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

BODY = Path(os.environ["ROUTES_FILE"]).read_bytes()
_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())],
}
_REST = {"type": "http.response.body", "body": BODY}
_RSGI_HEADERS = [("content-type", "application/json"), ("content-length", str(len(BODY)))]


async def asgi(scope: dict[str, Any], _receive: object, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    if scope["type"] == "http":
        await send(_START)
        await send(_REST)


async def rsgi(_scope: object, protocol: Any) -> None:
    protocol.response_bytes(200, _RSGI_HEADERS, BODY)
