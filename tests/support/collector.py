"""Takes the spans that processes send, as a collector of OpenTelemetry would: protobuf over HTTP."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from support.limits import PROGRESS


@dataclass(frozen=True)
class Span:
    """A span. Ids are hexadecimal, `links` are those of other spans."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    failed: bool
    links: tuple[str, ...]
    attributes: dict[str, Any]


class Collector:
    """Everything that was sent, and the spans in it."""

    def __init__(self, port: int) -> None:
        self.endpoint = f"http://127.0.0.1:{port}"
        self.taken: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.paths: set[str] = set()

    @property
    def spans(self) -> list[Span]:
        return [span for body in list(self.taken) for span in _spans(body)]

    def named(self, name: str, **attributes: object) -> list[Span]:
        """The spans of this name with these attributes; our own names without their prefix."""
        wanted = {f"hingecraft.{key}": value for key, value in attributes.items()}
        return [each for each in self.spans if each.name == name and wanted.items() <= each.attributes.items()]

    def until(self, good: Callable[[], list[Span]]) -> list[Span]:
        """Wait until it finds some; answers these."""
        limit = time.monotonic() + PROGRESS
        while not (found := good()):
            assert time.monotonic() < limit, sorted({span.name for span in self.spans})
            time.sleep(0.02)
        return found


def _spans(body: bytes) -> Iterator[Span]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        service = _values(resource.resource.attributes)["service.name"]
        for span in (each for scope in resource.scope_spans for each in scope.spans):
            yield Span(
                service=service, name=span.name, trace_id=span.trace_id.hex(), span_id=span.span_id.hex(),
                parent_id=span.parent_span_id.hex(), failed=span.status.code == Status.STATUS_CODE_ERROR,
                links=tuple(link.span_id.hex() for link in span.links), attributes=_values(span.attributes),
            )  # fmt: skip


def _values(attributes: Any) -> dict[str, Any]:
    return {each.key: _value(each) for each in attributes}


def _value(attribute: KeyValue) -> Any:
    kind = attribute.value.WhichOneof("value")
    return getattr(attribute.value, kind) if kind is not None else None


@contextmanager
def collecting() -> Iterator[Collector]:
    class Take(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.paths.add(self.path)
            collector.headers.append({name.lower(): value for name, value in self.headers.items()})
            collector.taken.append(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
    collector = Collector(server.server_port)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
