"""What the engine of a resource tells: into what was observed, into the metrics, and on to the status."""

from __future__ import annotations

import time
from collections.abc import Callable

from hingecraft.errors import DatabaseUnavailableError
from hingecraft.outbox.model import Message
from hingecraft.routes.model import Publication
from hingecraft.sync.engine import Landed, Watcher
from hingecraft_operator.metrics import OperatorMetrics
from hingecraft_operator.observed import Observed


class ResourceWatcher(Watcher):
    """Of one resource."""

    def __init__(
        self, namespace: str, name: str, observed: Observed, metrics: OperatorMetrics, changed: Callable[[], None]
    ) -> None:
        self._labels = (namespace, name)
        self._observed = observed
        self._metrics = metrics
        self._changed = changed

    def listening(self, *, connected: bool) -> None:
        """The connection that hears of changes was made, or lost."""
        self._observed.listening = connected
        self._changed()

    def rebuilt(self, publication: Publication) -> None:
        """The routes were looked at anew."""
        self._metrics.rebuilds.labels(publication.result).inc()
        if publication.version != self._observed.version:
            self._observed.fanout_began_at = time.monotonic()
        self._observed.publication = publication
        self._observed.rebuild_error = None
        self._changed()

    def failed(self, error: DatabaseUnavailableError) -> None:
        """The routes could not be looked at."""
        self._metrics.rebuilds.labels("failed").inc()
        self._observed.rebuild_error = str(error)
        self._changed()

    def acknowledged(self) -> None:
        """A pod has said what it serves."""
        self._changed()

    def landed(self, landed: Landed) -> None:
        """A version has reached every pod."""
        self._metrics.version.labels(*self._labels).set(landed.version)
        self._metrics.seconds.observe(landed.seconds)
        if landed.since_commit is not None:
            self._metrics.since_commit.observe(landed.since_commit)
        self._observed.latencies.append(landed.seconds)
        self._changed()

    def delivered(self, message: Message, result: str) -> None:
        """An endpoint was told, or could not be."""
        self._metrics.deliveries.labels(*self._labels, message.endpoint, result).inc()
        self._changed()
