"""Kinds and attributes of spans, and the interface of what makes them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from enum import Enum
from typing import Protocol, TypedDict


class Kind(Enum):
    """The part that a span has in the exchange with others."""

    SERVER = "server"
    CLIENT = "client"
    CONSUMER = "consumer"


class Attributes(TypedDict, total=False):
    """The attributes that may be sent. `error` is a class or a status, and makes the span a failed one."""

    endpoint: str
    error: str
    event_id: str
    event_type: str
    method: str
    outcome: str
    payment_id: str
    provider: str
    request_id: str | None
    route: str
    source: str
    status: int | None
    version: int
    webhook_id: str


class Tracer(Protocol):
    """Makes the spans of a process, and sends them."""

    def span(
        self, name: str, kind: Kind, attributes: Attributes, origin: Mapping[str, str] | str | None, begun: int | None
    ) -> AbstractContextManager[None]:
        """See `span` of the module."""
        ...

    def note(self, attributes: Attributes) -> None:
        """Add to the current span."""
        ...

    def headers(self) -> dict[str, str]:
        """Those that name the current span."""
        ...

    def remember(self, event: str) -> None:
        """Keep the current span as the origin of an event."""
        ...
