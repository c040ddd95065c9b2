"""What the engine of a resource tells: into what was observed, into the metrics, and on to the status."""

from __future__ import annotations

import time
from collections.abc import Callable

from hingecraft.errors import DatabaseUnavailableError
from hingecraft.observability.metrics import SyncMetrics
from hingecraft.outbox.model import Message
from hingecraft.routes.model import Publication
from hingecraft.sync.counting import Counting
from hingecraft.sync.engine import Landed
from hingecraft_operator.status.observed import Observed


class EngineWatcher(Counting):
    """Of one resource."""

    def __init__(
        self, metrics: SyncMetrics, labels: tuple[str, str], observed: Observed, changed: Callable[[], None]
    ) -> None:
        super().__init__(metrics, labels)
        self._observed = observed
        self._changed = changed

    def listening(self, *, connected: bool) -> None:
        """The connection that hears of changes was made, or lost."""
        self._observed.listening = connected
        self._changed()

    def rebuilt(self, publication: Publication) -> None:
        """The routes were looked at anew."""
        super().rebuilt(publication)
        if publication.version != self._observed.version:
            self._observed.fanout_began_at = time.monotonic()
        self._observed.publication = publication
        self._observed.rebuild_error = None
        self._changed()

    def failed(self, error: DatabaseUnavailableError) -> None:
        """The routes could not be looked at."""
        super().failed(error)
        self._observed.rebuild_error = str(error)
        self._changed()

    def acknowledged(self) -> None:
        """A pod has said what it serves."""
        self._changed()

    def landed(self, landed: Landed) -> None:
        """A version has reached every pod."""
        super().landed(landed)
        self._observed.latencies.append(landed.seconds)
        self._changed()

    def delivered(self, message: Message, result: str) -> None:
        """An endpoint was told, or could not be."""
        super().delivered(message, result)
        self._changed()
