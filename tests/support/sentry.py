"""Takes what processes send to Sentry, as Sentry would: envelopes over HTTP, compressed or not."""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import brotli

from support.limits import PROGRESS

_OPENED_BY = {"": bytes, "gzip": gzip.decompress, "br": brotli.decompress}
KEY = "0123456789abcdef0123456789abcdef"


class Sentry:
    """Everything that was sent, and the events in it."""

    def __init__(self, port: int) -> None:
        self.dsn = f"http://{KEY}@127.0.0.1:{port}/1"
        self.taken: list[bytes] = []

    @property
    def text(self) -> str:
        return "\n".join(body.decode() for body in self.taken)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(payload) for kind, payload in self.items if kind == "event"]

    @property
    def items(self) -> Iterator[tuple[str, bytes]]:
        """An envelope is a line of headers, then for each item a line of headers and its payload."""
        for body in list(self.taken):
            _, _, rest = body.partition(b"\n")
            while rest.strip():
                line, _, rest = rest.partition(b"\n")
                header = json.loads(line)
                length = header.get("length", len(rest))
                yield header["type"], rest[:length]
                rest = rest[length:].removeprefix(b"\n")

    def until(self, count: int) -> list[dict[str, Any]]:
        limit = time.monotonic() + PROGRESS
        while len(self.events) < count:
            assert time.monotonic() < limit, f"{len(self.events)} of {count} events came"
            time.sleep(0.02)
        return self.events


@contextmanager
def taking_reports() -> Iterator[Sentry]:
    class Take(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            sentry.taken.append(_OPENED_BY[self.headers.get("Content-Encoding", "")](body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
    sentry = Sentry(server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield sentry
    finally:
        server.shutdown()
        server.server_close()
