"""Kubernetes Events, as `kubectl describe` shows them, with a rate limit.

Warnings have a separate limit, so that normal events cannot use it up.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from hingecraft_operator.cluster.client import (
    EVENTS,
    FIELD_MANAGER,
    Cluster,
    ClusterRejectedError,
    ClusterUnavailableError,
    Document,
    micro_time,
)
from hingecraft_operator.custom_resource.spec import API_VERSION, GROUP, KIND

log = logging.getLogger(__name__)

_AT_ONCE = 25
_ANOTHER_AFTER = 30.0
_LONGEST_NOTE = 1000
_CONTROLLER = f"{GROUP}/{FIELD_MANAGER}"


@dataclass(frozen=True, slots=True)
class Event:
    """An event to record; `note` is cut after 1,000 characters."""

    reason: str
    note: str
    warning: bool = False


class _Budget:
    """A token bucket: 25 events at once, then one more every 30 seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left: float = _AT_ONCE
        self._counted_at = clock()

    def take(self) -> bool:
        """Whether one more may be written."""
        now = self._clock()
        self._left = min(_AT_ONCE, self._left + (now - self._counted_at) / _ANOTHER_AFTER)
        self._counted_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


@dataclass(slots=True)
class Recorder:
    """Writes the Events of one resource. Failing to write one is not an error."""

    cluster: Cluster
    reporter: str
    clock: Callable[[], float] = time.monotonic
    _warnings: _Budget = field(init=False)
    _news: _Budget = field(init=False)

    def __post_init__(self) -> None:
        self._warnings, self._news = _Budget(self.clock), _Budget(self.clock)

    async def record(self, resource: Document, event: Event) -> None:
        """Write the Event, or drop it if the rate limit is reached."""
        budget = self._warnings if event.warning else self._news
        if not budget.take():
            return
        metadata = resource["metadata"]
        document = {
            "apiVersion": EVENTS.api_version,
            "kind": "Event",
            "metadata": {
                "name": f"{metadata['name'][:200]}.{uuid.uuid4().hex[:16]}",
                "namespace": metadata["namespace"],
            },
            "eventTime": micro_time(),
            "type": "Warning" if event.warning else "Normal",
            "reason": event.reason,
            "note": event.note[:_LONGEST_NOTE],
            "action": "Reconcile",
            "reportingController": _CONTROLLER,
            "reportingInstance": self.reporter[:128],
            "regarding": {
                "apiVersion": API_VERSION,
                "kind": KIND,
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
            },
        }
        try:
            await self.cluster.create(EVENTS, metadata["namespace"], document)
        except (ClusterUnavailableError, ClusterRejectedError) as error:
            log.debug("an event was not written: %s", error)
