"""The operator's metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from hingecraft.observability.metrics import SyncMetrics
from hingecraft_operator.custom_resource.status import State

_RESOURCE = ["namespace", "resource"]
_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class OperatorMetrics:
    """Metrics of a resource carry its namespace and name, and are removed with it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.leads = Gauge("hingecraft_operator_leads", "1: this replica leads", registry=registry)
        self.isolated = Gauge(
            "hingecraft_operator_isolated",
            "1: this replica leads but cannot reach the API server; it keeps publishing",
            registry=registry,
        )
        self.watch_restarts = Counter(
            "hingecraft_operator_watch_restarts_total", "watches that were restarted", registry=registry
        )
        self.resources = Gauge("hingecraft_operator_resources", "PaymentRoutes resources found", registry=registry)
        self.queue = Gauge("hingecraft_operator_queue", "resources waiting to be reconciled", registry=registry)
        self.reconciles = Counter(
            "hingecraft_operator_reconciles_total", "reconciliations of a resource", ["result"], registry=registry
        )
        self.reconcile_seconds = Histogram(
            "hingecraft_operator_reconcile_seconds", "time to reconcile a resource", buckets=_BUCKETS, registry=registry
        )
        self.ready = Gauge(
            "hingecraft_paymentroutes_ready", "1: every pod serves the newest version", _RESOURCE, registry=registry
        )
        self.condition = Gauge(
            "hingecraft_paymentroutes_condition",
            "1: the condition has this status",
            [*_RESOURCE, "condition", "status"],
            registry=registry,
        )
        self.sync = SyncMetrics(registry, _RESOURCE)

    def set_conditions(self, namespace: str, resource: str, states: Mapping[str, State]) -> None:
        """Set the gauges for each condition of a resource."""
        self.ready.labels(namespace, resource).set(states["Ready"] == "True")
        for condition, state in states.items():
            for each in get_args(State):
                self.condition.labels(namespace, resource, condition, each).set(state == each)

    def remove_resource(self, namespace: str, resource: str) -> None:
        """Remove the metrics of a deleted resource."""
        sync = self.sync
        for metric in (
            self.ready, self.condition, sync.version, sync.rebuilds, sync.seconds, sync.since_commit, sync.problems,
            sync.deliveries,
        ):  # fmt: skip
            metric.remove_by_labels({"namespace": namespace, "resource": resource})
