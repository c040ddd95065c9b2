"""How the messages of one source are told from forged ones, and become events. Pure."""

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
    """What an endpoint needs to know of a source. Sizes are in bytes."""

    source: str
    # The header that carries the signature.
    header: str
    # By that header and the time: whether the body is worth reading.
    plausible: Callable[[str, float], bool]
    # By one of the secrets, the header, the raw body and the time; takes the same time for every wrong signature.
    genuine: Callable[[Sequence[str], str, bytes, float], bool]
    # Raises InvalidError for a body that is not an event.
    event: Callable[[bytes], InboundEvent]
    # Work on more than the usual is done in a thread, and not at all for an address that has sent many forgeries.
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
    """An id or a type that can be stored and shown."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_ID or not value.isprintable():
        raise not_an_event()
    return value


def not_an_event() -> InvalidError:
    """What a signed body is answered that cannot be stored as an event."""
    return InvalidError("invalid_event", "The signature is valid, but the body is not a valid event.")
