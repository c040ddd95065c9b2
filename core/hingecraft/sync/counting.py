"""Counts what an engine does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar, get_args

from prometheus_client import Gauge, Histogram

from hingecraft.errors import DatabaseUnavailableError
from hingecraft.observability.metrics import SyncMetrics
from hingecraft.outbox.model import Message
from hingecraft.routes.model import Problem, ProblemKind, Publication
from hingecraft.sync.engine import Landed, Watcher

_Metric = TypeVar("_Metric", Gauge, Histogram)


class Counting(Watcher):
    """Of one engine; `labels` are its own where many share the metrics."""

    def __init__(self, metrics: SyncMetrics, labels: tuple[str, ...] = ()) -> None:
        self._metrics = metrics
        self._labels = labels

    def rebuilt(self, publication: Publication) -> None:
        """By how it ended."""
        self._metrics.rebuilds.labels(*self._labels, publication.result).inc()

    def troubled(self, problems: Sequence[Problem]) -> None:
        """How many of each kind."""
        for kind in get_args(ProblemKind):
            found = sum(problem.kind == kind for problem in problems)
            self._metrics.problems.labels(*self._labels, kind).set(found)

    def failed(self, error: DatabaseUnavailableError) -> None:
        """A rebuild as well."""
        del error
        self._metrics.rebuilds.labels(*self._labels, "failed").inc()

    def landed(self, landed: Landed) -> None:
        """How long it took, from the notification and from the commit."""
        self._own(self._metrics.version).set(landed.version)
        self._own(self._metrics.seconds).observe(landed.seconds)
        if landed.since_commit is not None:
            self._own(self._metrics.since_commit).observe(landed.since_commit)

    def delivered(self, message: Message, result: str) -> None:
        """One attempt to tell an endpoint."""
        self._metrics.deliveries.labels(*self._labels, message.endpoint, result).inc()

    def _own(self, metric: _Metric) -> _Metric:
        return metric.labels(*self._labels) if self._labels else metric
