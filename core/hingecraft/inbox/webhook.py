"""Verifies the messages of a source and turns them into events. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hingecraft.errors import InvalidError
from hingecraft.inbox.model import InboundEvent

_LONGEST_ID = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """The rules of a source for its endpoint. Sizes are in bytes."""

    source: str
    # The header that carries the signature.
    header: str
    # Whether the header and its time could be right, before the body is read.
    plausible: Callable[[str, float], bool]
    # Whether one of the secrets made the signature; takes the same time for every wrong signature.
    genuine: Callable[[Sequence[str], str, bytes, float], bool]
    # Raises InvalidError for a body that is not an event.
    event: Callable[[bytes], InboundEvent]
    # Larger bodies are verified in a thread, and not at all for an address that has sent many forgeries.
    usual: int
    largest: int


def document_of(body: bytes) -> dict[str, Any]:
    """The body of an event, which is a JSON object."""
    try:
        found = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise not_an_event() from None
    if not isinstance(found, dict):
        raise not_an_event()
    return found


def name_of(value: object) -> str:
    """An id or type, if it can be stored and shown."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_ID or not value.isprintable():
        raise not_an_event()
    return value


def not_an_event() -> InvalidError:
    """The error for a signed body that is not an event."""
    return InvalidError("invalid_event", "The signature is valid, but the body is not a valid event.")
