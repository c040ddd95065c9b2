"""An event as it came, and when it is looked at again. Pure."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hingecraft.errors import InvalidError
from hingecraft.providers import nowpayments, stripe

LEASE = timedelta(seconds=60)
# What has waited for longer is an error in the log: somebody should look.
OVERDUE = timedelta(hours=1)
# What could not be processed in this time is given up, with an error in the log.
GIVEN_UP_AFTER = timedelta(days=30)
_PAUSES = tuple(timedelta(seconds=seconds) for seconds in (5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600))
_JITTER = 0.2
_LONGEST_ID = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderEvent:
    """What a provider sent, verified and not yet understood."""

    source: str
    event_id: str
    type: str
    body: bytes
    # It is known already that the provider has to be asked.
    must_ask: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """One event that this process works on until its claim ends."""

    id: UUID
    received_at: datetime
    source: str
    event_id: str
    type: str
    body: bytes
    attempts: int
    claimed_until: datetime
    must_ask: bool
    overdue: bool

    @property
    def document(self) -> dict[str, Any]:
        """The body; it was JSON when it was stored."""
        found: dict[str, Any] = json.loads(self.body)
        return found


def of_stripe(body: bytes) -> ProviderEvent:
    """An event of Stripe's, named by its id."""
    document = _document(body)
    subject = document.get("data")
    if not isinstance(subject, dict) or not isinstance(subject.get("object"), dict):
        raise _no_event()
    if not isinstance(document.get("livemode"), bool):
        raise _no_event()
    event_id, kind = _name(document.get("id")), _name(document.get("type"))
    return ProviderEvent(source=stripe.NAME, event_id=event_id, type=kind, body=body)


def of_nowpayments(body: bytes) -> ProviderEvent:
    """An IPN, which has no id of its own: the payment, what it became, and the body it came in."""
    document = _document(body)
    payment, status = document.get("payment_id"), _name(document.get("payment_status"))
    if isinstance(payment, bool) or not isinstance(payment, int | str):
        raise _no_event()
    event_id = _name(f"{payment}:{status}:{hashlib.sha256(body).hexdigest()}")
    return ProviderEvent(source=nowpayments.NAME, event_id=event_id, type=status, body=body, must_ask=True)


def next_pause(attempts: int) -> timedelta:
    """How long an event waits after that many attempts, with jitter so that they do not come in step."""
    pause = _PAUSES[min(max(attempts, 1), len(_PAUSES)) - 1]
    return pause * (1 + random.uniform(-_JITTER, _JITTER))  # noqa: S311 - jitter, no secret


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise _no_event() from None
    if not isinstance(found, dict):
        raise _no_event()
    return found


def _name(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_ID or not value.isprintable():
        raise _no_event()
    return value


def _no_event() -> InvalidError:
    return InvalidError("invalid_event", "The body is signed, and yet it is no event: send what the provider made.")
