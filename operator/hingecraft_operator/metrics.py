"""What the operator counts, under the prefix `hingecraft_`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from hingecraft.observability.metrics import SyncMetrics

_RESOURCE = ["namespace", "resource"]
_LOOKS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class OperatorMetrics:
    """Of all resources; what grows with them carries their names and goes when they go."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.leads = Gauge("hingecraft_operator_leads", "1: this replica leads", registry=registry)
        self.resources = Gauge("hingecraft_operator_resources", "PaymentRoutes that are served", registry=registry)
        self.waiting = Gauge("hingecraft_operator_queue", "resources that wait to be looked at", registry=registry)
        self.looks = Counter(
            "hingecraft_operator_reconciles_total", "looks at a resource", ["result"], registry=registry
        )
        self.look_seconds = Histogram(
            "hingecraft_operator_reconcile_seconds", "time of a look", buckets=_LOOKS, registry=registry
        )
        self.ready = Gauge(
            "hingecraft_paymentroutes_ready", "1: every pod serves the newest version", _RESOURCE, registry=registry
        )
        self.sync = SyncMetrics(registry, _RESOURCE)

    def forget(self, namespace: str, resource: str) -> None:
        """The resource is gone."""
        for metric in (self.ready, self.sync.version, self.sync.deliveries):
            metric.remove_by_labels({"namespace": namespace, "resource": resource})
