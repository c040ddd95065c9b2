"""The metrics, with the prefix `hingecraft_`. Each process has its own registry."""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from hingecraft import __version__
from hingecraft.observability.timings import Timings

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_JOB = (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
# A person types a card's number.
_PURCHASE = (0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0)
_SYNC = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 15.0)


def new_registry(process: str) -> CollectorRegistry:
    """A registry with the metrics of every process: its build, memory, processor time and open files."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    build = Gauge(
        "hingecraft_build_info",
        "always 1; the labels name the running build",
        ["version", "process"],
        registry=registry,
    )
    build.labels(__version__, process).set(1)
    return registry


class SyncMetrics:
    """The metrics of engines. `of` names the labels that distinguish several engines in one process."""

    def __init__(self, registry: CollectorRegistry, of: Sequence[str] = ()) -> None:
        self.rebuilds = Counter("hingecraft_route_rebuilds_total", "route rebuilds", [*of, "result"], registry=registry)
        self.version = Gauge(
            "hingecraft_routes_version", "the newest version that every pod serves", of, registry=registry
        )
        self.problems = Gauge(
            "hingecraft_routes_problems",
            "wallets that are not published and links that pages do not open: GET /admin/routes/problems says why",
            [*of, "kind"],
            registry=registry,
        )
        self.seconds = Histogram(
            "hingecraft_sync_seconds",
            "time from noticing a change until the last pod serves it",
            of,
            buckets=_SYNC,
            registry=registry,
        )
        self.since_commit = Histogram(
            "hingecraft_sync_since_commit_seconds",
            "time from a commit, by the clock of Postgres, until the last pod serves it",
            of,
            buckets=_SYNC,
            registry=registry,
        )
        self.deliveries = Counter(
            "hingecraft_webhook_deliveries_total", "webhooks sent", [*of, "endpoint", "result"], registry=registry
        )


class StatisticsMetrics:
    """Members' payments of the pod's mode and Stripe's webhooks, read from the database. NaN: nothing to count."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.payments = Gauge(
            "hingecraft_member_payments",
            "members' payments begun in the last day; expired ones only after an attempt to pay that failed",
            ["status"],
            registry=registry,
        )
        self.success_rate = Gauge(
            "hingecraft_member_payment_success_rate",
            "share of members' payments of the last day that were paid, 0 to 1",
            registry=registry,
        )
        self.intent_to_purchase = Gauge(
            "hingecraft_member_intent_to_purchase_seconds",
            "time from the beginning of members' payments of the last day until they were booked",
            ["quantile"],
            registry=registry,
        )
        self.refunds = Gauge(
            "hingecraft_member_refunds", "members' payments of the last 30 days with a refund", registry=registry
        )
        self.refund_rate = Gauge(
            "hingecraft_member_refund_rate",
            "share of members' paid payments of the last 30 days with a refund, 0 to 1",
            registry=registry,
        )
        self.revenue = Gauge(
            "hingecraft_member_revenue",
            "members' money of the last day, less what went back, in its currency",
            ["type", "currency"],
            registry=registry,
        )
        self.webhooks = Gauge(
            "hingecraft_stripe_webhooks", "Stripe's events received in the last day", ["state"], registry=registry
        )
        self.webhook_success_rate = Gauge(
            "hingecraft_stripe_webhook_success_rate",
            "share of Stripe's events of the last day, older than a minute, that are processed, 0 to 1",
            registry=registry,
        )


class RequestMetrics:
    """Requests of a pod, and what their callers are recognized by."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.seconds = Timings(
            "hingecraft_http_request_seconds",
            "time to answer a request",
            ["method", "route", "status"],
            buckets=_FAST,
            registry=registry,
        )
        self.limited = Counter(
            "hingecraft_rate_limited_total", "requests rejected by a rate limit", ["limit"], registry=registry
        )
        self.refused_signatures = Counter(
            "hingecraft_refused_signatures_total", "signatures that did not verify", ["kind"], registry=registry
        )
        self.key_set_fetches = Counter(
            "hingecraft_key_set_fetches_total",
            "fetches of the keys that verify users' tokens",
            ["outcome"],
            registry=registry,
        )


class RouteMetrics:
    """The routes that a pod serves. `age` is the time since they were last known to be the newest."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.version = Gauge("hingecraft_routes_version", "the version that this pod serves", registry=registry)
        self.age = Gauge(
            "hingecraft_routes_age_seconds",
            "seconds since this pod last knew that its routes were the newest",
            registry=registry,
        )
        self.swaps = Counter(
            "hingecraft_routes_swaps_total", "route versions that this pod has started to serve", registry=registry
        )


class ProviderMetrics:
    """Calls to providers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.seconds = Histogram(
            "hingecraft_provider_seconds",
            "calls to a provider, including retries",
            ["provider", "outcome"],
            buckets=_FAST,
            registry=registry,
        )
        self.keys_rejected = Counter(
            "hingecraft_provider_key_rejected_total",
            "calls that failed because the provider rejected the key or the key lacks a permission",
            ["provider"],
            registry=registry,
        )


class InboxMetrics:
    """Events of providers, and those that wait."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.events = Counter(
            "hingecraft_provider_events_total",
            "provider events processed; the result is applied, ignored, later or lost",
            ["source", "type", "result"],
            registry=registry,
        )
        self.waiting = Gauge(
            "hingecraft_provider_events_waiting", "provider events that are not processed yet", registry=registry
        )
        self.oldest = Gauge(
            "hingecraft_provider_events_oldest_seconds",
            "age of the oldest unprocessed provider event",
            registry=registry,
        )
        self.unknown_prices = Gauge(
            "hingecraft_unknown_prices",
            "prices of paid sessions or invoices that are not in credit_prices or have no known amount; events wait",
            registry=registry,
        )


class PaymentMetrics:
    """The counters of payments, and of what follows from them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.moves = Counter(
            "hingecraft_payments_total",
            "payment status changes found by this pod, by new status",
            ["provider", "currency", "status"],
            registry=registry,
        )
        self.amount = Counter(
            "hingecraft_payment_amount_total",
            "requested amounts of completed payments, in their own currencies",
            ["provider", "currency"],
            registry=registry,
        )
        self.purchase_seconds = Histogram(
            "hingecraft_purchase_seconds",
            "time from the beginning of a member's payment until its purchase or credits are recorded",
            ["purpose"],
            buckets=_PURCHASE,
            registry=registry,
        )
        self.without_value = Counter(
            "hingecraft_settlements_without_value_total",
            "settlements whose value is implausible and must be entered by hand",
            ["provider"],
            registry=registry,
        )
        self.download_failures = Counter(
            "hingecraft_download_failures_total",
            "downloads that members could not begin, because the file is missing or its storage is unavailable",
            ["reason"],
            registry=registry,
        )


class JobMetrics:
    """Jobs: those that have ended in this pod, and all that have not."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.ended = Counter(
            "hingecraft_jobs_total", "jobs that have ended in this pod", ["kind", "state"], registry=registry
        )
        self.seconds = Histogram(
            "hingecraft_job_seconds",
            "time from the beginning of a job until it has ended",
            ["kind"],
            buckets=_JOB,
            registry=registry,
        )
        self.unfinished = Gauge("hingecraft_jobs_unfinished", "jobs that wait or run", ["state"], registry=registry)
        self.stalled = Gauge(
            "hingecraft_jobs_stalled", "unfinished jobs without a report for five minutes", registry=registry
        )


class ReconciliationMetrics:
    """The last reconciliation, as the database knows it."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.finished_at = Gauge(
            "hingecraft_reconcile_finished_timestamp_seconds", "when the last reconciliation ended", registry=registry
        )
        self.succeeded = Gauge(
            "hingecraft_reconcile_succeeded",
            "1 if the last reconciliation checked everything that it had to",
            registry=registry,
        )
        self.runs = Counter(
            "hingecraft_reconcile_runs_total",
            "reconciliations that have ended since this pod started: succeeded or failed; every pod counts all of them",
            ["result"],
            registry=registry,
        )
        self.checkouts = Gauge(
            "hingecraft_reconcile_checkouts", "results of the last reconciliation", ["what"], registry=registry
        )


class WixAppMetrics:
    """The Wix app."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.unknown_products = Gauge(
            "hingecraft_wix_unknown_products",
            "products in Wix's events that are not in wix_plan_names: their sites keep the plan that they had",
            registry=registry,
        )
        self.page_events = Counter(
            "hingecraft_wix_page_events_total",
            "events that the Wix app's dashboard reported",
            ["name"],
            registry=registry,
        )


class ApiMetrics:
    """The metrics of a pod."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = RequestMetrics(registry)
        self.routes = RouteMetrics(registry)
        self.providers = ProviderMetrics(registry)
        self.inbox = InboxMetrics(registry)
        self.payments = PaymentMetrics(registry)
        self.jobs = JobMetrics(registry)
        self.reconciliation = ReconciliationMetrics(registry)
        self.wix_app = WixAppMetrics(registry)
        self.statistics = StatisticsMetrics(registry)
