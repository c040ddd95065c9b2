"""An event as it came, and when it is looked at again. Pure."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

LEASE = timedelta(seconds=60)
# What has waited for longer is an error in the log: somebody should look.
OVERDUE = timedelta(hours=1)
# What could not be processed in this time is given up, with an error in the log.
GIVEN_UP_AFTER = timedelta(days=30)
_PAUSES = tuple(timedelta(seconds=seconds) for seconds in (5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600))
_JITTER = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundEvent:
    """What a source sent, verified and not yet understood."""

    source: str
    event_id: str
    type: str
    body: bytes
    # It is known already that the source has to be asked.
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


def next_pause(attempts: int) -> timedelta:
    """How long an event waits after that many attempts, with jitter so that they do not come in step."""
    pause = _PAUSES[min(max(attempts, 1), len(_PAUSES)) - 1]
    return pause * (1 + random.uniform(-_JITTER, _JITTER))  # noqa: S311 - jitter, no secret
