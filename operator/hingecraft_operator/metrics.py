"""What the operator counts, under the prefix `hingecraft_`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from hingecraft.observability.metrics import SYNC_BUCKETS

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
        self.version = Gauge(
            "hingecraft_routes_version", "the newest version that every pod serves", _RESOURCE, registry=registry
        )
        self.rebuilds = Counter(
            "hingecraft_route_rebuilds_total", "rebuilds of the routes", ["result"], registry=registry
        )
        self.seconds = Histogram(
            "hingecraft_sync_seconds",
            "from a change noticed to the last pod serving it",
            buckets=SYNC_BUCKETS,
            registry=registry,
        )
        self.since_commit = Histogram(
            "hingecraft_sync_since_commit_seconds",
            "from a commit, by the clock of Postgres, to the last pod serving it",
            buckets=SYNC_BUCKETS,
            registry=registry,
        )
        self.deliveries = Counter(
            "hingecraft_webhook_deliveries_total",
            "webhooks sent",
            [*_RESOURCE, "endpoint", "result"],
            registry=registry,
        )

    def forget(self, namespace: str, resource: str) -> None:
        """The resource is gone."""
        for gauge in (self.ready, self.version):
            gauge.remove_by_labels({"namespace": namespace, "resource": resource})
        self.deliveries.remove_by_labels({"namespace": namespace, "resource": resource})
