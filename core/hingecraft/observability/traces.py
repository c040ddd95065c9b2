"""Traces: what was done for one call, in all processes. Off without a collector of OpenTelemetry (decision 102).

A span has the attributes of `spans.Attributes` and no others: ids, names, kinds and numbers, and nothing about people.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Unpack

from hingecraft.observability.logs import Masker
from hingecraft.observability.spans import Attributes, Kind, Tracer
from hingecraft.settings import Secret

# The headers by which a caller names the span that a call belongs to (W3C Trace Context).
HEADERS = ("traceparent", "tracestate")


class _Tracing:
    """The tracer of this process; None: nothing is traced."""

    tracer: Tracer | None = None


_NOTHING = nullcontext()


def start_tracing(endpoint: str, headers: Secret, process: str, secrets: Iterable[Secret]) -> None:
    """Do nothing without an endpoint."""
    if not endpoint:
        return
    from hingecraft.observability.open_telemetry import OpenTelemetry  # noqa: PLC0415 - 9 MB, so only if needed

    _Tracing.tracer = OpenTelemetry(endpoint, headers.newest, process, Masker(secrets))


def span(
    name: str,
    kind: Kind,
    *,
    origin: Mapping[str, str] | str | None = None,
    begun: int | None = None,
    **attributes: Unpack[Attributes],
) -> AbstractContextManager[None]:
    """A span of what is done inside; an exception that leaves it is noted by its class.

    It is part of the current span, unless `origin` is given: the headers of a call, or the name of an event, which is
    linked to the span that received it. `begun`: nanoseconds since 1970, if it began earlier.
    """
    tracer = _Tracing.tracer
    return _NOTHING if tracer is None else tracer.span(name, kind, attributes, origin, begun)


def note(**attributes: Unpack[Attributes]) -> None:
    """Add to the current span, if there is one."""
    if _Tracing.tracer is not None:
        _Tracing.tracer.note(attributes)


def headers() -> dict[str, str]:
    """The headers that make the call of another of our processes part of the current span."""
    return {} if _Tracing.tracer is None else _Tracing.tracer.headers()


def remember(event: str) -> None:
    """Keep the current span as the origin of an event, for the span in which this process works on it."""
    if _Tracing.tracer is not None:
        _Tracing.tracer.remember(event)
