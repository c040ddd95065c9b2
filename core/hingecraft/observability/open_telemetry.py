"""The tracer that sends to a collector of OpenTelemetry. Imported only where one is set.

The library reads its own settings too: OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER and OTEL_BSP_*.
"""

from __future__ import annotations

import socket
import ssl
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.re import parse_env_headers

from hingecraft import __version__
from hingecraft.observability.logs import Masker
from hingecraft.observability.spans import Attributes, Kind

# Seconds. A process that ends waits as long for a collector that does not answer.
_SENDING = 3
_REMEMBERED = 10_000
# As OpenTelemetry's conventions name them; the others are ours.
_CONVENTIONS = {
    "error": "error.type",
    "method": "http.request.method",
    "route": "http.route",
    "status": "http.response.status_code",
}
_KINDS = {
    Kind.SERVER: trace.SpanKind.SERVER,
    Kind.CLIENT: trace.SpanKind.CLIENT,
    Kind.CONSUMER: trace.SpanKind.CONSUMER,
}


class OpenTelemetry:
    """The spans of a process. Those of one call are connected by contextvars, also in its tasks."""

    def __init__(self, endpoint: str, headers: str, process: str, mask: Masker) -> None:
        about = {
            "service.name": f"hingecraft-{process}",
            "service.version": __version__,
            "service.instance.id": socket.gethostname(),
        }
        exporter = OTLPSpanExporter(
            endpoint=f"{endpoint.rstrip('/')}/v1/traces",
            headers=parse_env_headers(headers, liberal=True),
            timeout=_SENDING,
            # SSL_CERT_FILE, which the exporter does not read.
            certificate_file=ssl.get_default_verify_paths().cafile,
        )
        # What the environment says about the process comes last, so that it wins.
        provider = TracerProvider(resource=Resource.create(about).merge(OTELResourceDetector().detect()))
        provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = provider.get_tracer("hingecraft", __version__)
        self._contexts = TraceContextTextMapPropagator()
        self._mask = mask
        self._origins: OrderedDict[str, trace.SpanContext] = OrderedDict()

    @contextmanager
    def span(
        self, name: str, kind: Kind, attributes: Attributes, origin: Mapping[str, str] | str | None, begun: int | None
    ) -> Iterator[None]:
        """Inside it, the span is the current one."""
        context: Context | None = None
        links: list[trace.Link] = []
        if isinstance(origin, str):
            context = Context()
            links = [trace.Link(self._origins[origin])] if origin in self._origins else []
        elif origin is not None:
            context = self._contexts.extract(origin, context=Context())
        with self._tracer.start_as_current_span(
            name, context, _KINDS[kind], links=links, start_time=begun, record_exception=False,
            set_status_on_exception=False,
        ):  # fmt: skip
            self.note(attributes)
            try:
                yield
            except BaseException as error:
                self.note({"error": type(error).__name__})
                raise

    def note(self, attributes: Attributes) -> None:
        """Add to the current span."""
        current = trace.get_current_span()
        if not current.is_recording():  # none, one that is not sampled, or the one of a call that was answered before
            return
        for name, value in attributes.items():
            if isinstance(value, str):
                current.set_attribute(_named(name), self._mask(value))
            elif isinstance(value, int):
                current.set_attribute(_named(name), value)
        if "error" in attributes:
            current.set_status(trace.StatusCode.ERROR)

    def headers(self) -> dict[str, str]:
        """Those that name the current span."""
        found: dict[str, str] = {}
        self._contexts.inject(found)
        return found

    def remember(self, event: str) -> None:
        """Keep the current span as the origin of an event; the oldest are forgotten."""
        self._origins[event] = trace.get_current_span().get_span_context()
        if len(self._origins) > _REMEMBERED:
            self._origins.popitem(last=False)


def _named(name: str) -> str:
    return _CONVENTIONS.get(name, f"hingecraft.{name}")
