"""Kubernetes Events: what `kubectl describe` tells of a resource. A few at once, then one now and then."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hingecraft_operator.cluster import (
    EVENTS,
    FIELD_MANAGER,
    Cluster,
    ClusterRefusedError,
    ClusterUnavailableError,
    Document,
)
from hingecraft_operator.spec import API_VERSION, KIND

log = logging.getLogger(__name__)

_AT_ONCE = 25
_ANOTHER_AFTER = 30.0
_LONGEST_NOTE = 1000


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a resource."""

    reason: str
    note: str
    warning: bool = False


@dataclass(slots=True)
class Recorder:
    """Writes the events of one resource. They help people; nothing may fail because one could not be written."""

    cluster: Cluster
    reporter: str
    clock: Callable[[], float] = time.monotonic
    _left: float = _AT_ONCE
    _counted_at: float = field(default_factory=time.monotonic)

    async def record(self, resource: Document, event: Event) -> None:
        """Say it, if not too much was said lately."""
        if not self._may_speak():
            return
        metadata = resource["metadata"]
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        document = {
            "apiVersion": EVENTS.api_version,
            "kind": "Event",
            "metadata": {
                "name": f"{metadata['name'][:200]}.{uuid.uuid4().hex[:16]}",
                "namespace": metadata["namespace"],
            },
            "eventTime": now,
            "type": "Warning" if event.warning else "Normal",
            "reason": event.reason,
            "note": event.note[:_LONGEST_NOTE],
            "action": "Reconcile",
            "reportingController": FIELD_MANAGER,
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
        except (ClusterUnavailableError, ClusterRefusedError) as error:
            log.debug("an event was not written: %s", error)

    def _may_speak(self) -> bool:
        now = self.clock()
        self._left = min(_AT_ONCE, self._left + (now - self._counted_at) / _ANOTHER_AFTER)
        self._counted_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
