"""Records what an engine reports in `Observed` and the metrics, and triggers a write of the status."""

from __future__ import annotations

import time
from collections.abc import Callable

from hingecraft.errors import DatabaseUnavailableError, InRecoveryError
from hingecraft.observability.metrics import SyncMetrics
from hingecraft.outbox.model import Message
from hingecraft.routes.model import Publication
from hingecraft.sync.engine import ServedEverywhere
from hingecraft.sync.metrics_watcher import MetricsWatcher
from hingecraft_operator.status.observed import Observed


class EngineWatcher(MetricsWatcher):
    """Called by the engine; `changed` is called after each report."""

    def __init__(
        self, metrics: SyncMetrics, labels: tuple[str, str], observed: Observed, changed: Callable[[], None]
    ) -> None:
        super().__init__(metrics, labels)
        self._observed = observed
        self._changed = changed

    def listening(self, *, connected: bool) -> None:
        """The LISTEN connection was made or lost."""
        self._observed.listening = connected
        if connected:
            self._observed.at_a_standby = None
        self._changed()

    def at_a_standby(self, error: InRecoveryError) -> None:
        """The DSN for LISTEN leads to a standby."""
        self._observed.at_a_standby = str(error)
        self._changed()

    def rebuilt(self, publication: Publication) -> None:
        """The routes were rebuilt; the version may be the same."""
        super().rebuilt(publication)
        if publication.version != self._observed.version:
            self._observed.fanout_began_at = time.monotonic()
        self._observed.publication = publication
        self._observed.rebuild_error = None
        self._changed()

    def failed(self, error: DatabaseUnavailableError) -> None:
        """The routes could not be rebuilt."""
        super().failed(error)
        self._observed.rebuild_error = str(error)
        self._changed()

    def acknowledged(self) -> None:
        """A pod acknowledged a version."""
        self._changed()

    def served_everywhere(self, served: ServedEverywhere) -> None:
        """Every pod serves the version."""
        super().served_everywhere(served)
        self._observed.latencies.append(served.seconds)
        self._changed()

    def delivered(self, message: Message, result: str) -> None:
        """A delivery to an endpoint succeeded or failed."""
        super().delivered(message, result)
        self._changed()
