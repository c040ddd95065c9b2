"""Keeps the metrics of an engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, get_args

from prometheus_client import Gauge, Histogram

from hingecraft.errors import DatabaseUnavailableError
from hingecraft.observability.metrics import SyncMetrics
from hingecraft.outbox.model import Message
from hingecraft.routes.model import Problem, ProblemKind, Publication
from hingecraft.sync.engine import ServedEverywhere, Watcher

_Metric = TypeVar("_Metric", Gauge, Histogram)


class MetricsWatcher(Watcher):
    """Keeps the metrics of one engine. Engines that share them have a `labels` each."""

    def __init__(self, metrics: SyncMetrics, labels: tuple[str, ...] = ()) -> None:
        self._metrics = metrics
        self._labels = labels

    def rebuilt(self, publication: Publication) -> None:
        """Count the rebuild by its result."""
        self._metrics.rebuilds.labels(*self._labels, publication.result).inc()

    def problems_found(self, problems: Sequence[Problem]) -> None:
        """Set the number of problems of each kind."""
        for kind in get_args(ProblemKind):
            found = sum(problem.kind == kind for problem in problems)
            self._metrics.problems.labels(*self._labels, kind).set(found)

    def failed(self, error: DatabaseUnavailableError) -> None:
        """Count a failed rebuild."""
        del error
        self._metrics.rebuilds.labels(*self._labels, "failed").inc()

    def served_everywhere(self, served: ServedEverywhere) -> None:
        """Record the seconds since the notification and since the commit."""
        self._own(self._metrics.version).set(served.version)
        self._own(self._metrics.seconds).observe(served.seconds)
        if served.since_commit is not None:
            self._own(self._metrics.since_commit).observe(served.since_commit)

    def delivered(self, message: Message, result: str) -> None:
        """Count an attempt to deliver by its result."""
        self._metrics.deliveries.labels(*self._labels, message.endpoint, result).inc()

    def _own(self, metric: _Metric) -> _Metric:
        return metric.labels(*self._labels) if self._labels else metric
