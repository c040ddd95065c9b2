"""An event as it was received, and the time of its next attempt. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hingecraft.leases.backoff import Backoff

LEASE = timedelta(seconds=60)
# An event that has waited longer is logged as an error: a person should check it.
OVERDUE = timedelta(hours=1)
# An event that could not be processed in this time is given up, with an error in the log.
GIVEN_UP_AFTER = timedelta(days=30)
BACKOFF = Backoff((5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600))


@dataclass(frozen=True, slots=True, kw_only=True)
class InboundEvent:
    """A verified event of a source, before a handler has read it."""

    source: str
    event_id: str
    type: str
    body: bytes
    # Set if it is known that the source has to be asked.
    must_ask: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """One event that this process works on until its lease ends."""

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
    def lease(self) -> tuple[UUID, datetime, datetime]:
        """The row's key and the end of its lease, in the order of `leases.statements`."""
        return self.id, self.received_at, self.claimed_until

    @property
    def named(self) -> dict[str, str]:
        """The fields by which a line in the log is found."""
        return {"event_id": self.event_id, "source": self.source}

    @property
    def document(self) -> dict[str, Any]:
        """The body; it was JSON when it was stored."""
        found: dict[str, Any] = json.loads(self.body)
        return found
