"""Statistics of members' payments: for admins, and as metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from hingecraft.observability.metrics import StatisticsMetrics
from hingecraft.stats.model import RecentFigures, Revenue
from hingecraft.stats.service import Statistics
from hingecraft_api.feature import Feature, Work
from hingecraft_api.handlers.admin import stats as admin_stats
from hingecraft_api.pod import Pod

_NOTHING = float("nan")


def _statistics(pod: Pod) -> Statistics:
    return Statistics(pod.database, livemode=pod.providers.stripe.livemode)


def _parts(pod: Pod) -> Iterable[object]:
    yield _statistics(pod)


def _works(pod: Pod) -> Mapping[str, Work]:
    return {"watching statistics": lambda: _statistics(pod).watch(shown_in(pod.metrics.statistics))}


def shown_in(metrics: StatisticsMetrics) -> Callable[[RecentFigures], None]:
    """Shows figures as these metrics."""

    def show(found: RecentFigures) -> None:
        payments, webhooks, month = found.last_day.payments, found.last_day.webhooks, found.last_month
        for status in ("paid", "failed", "expired"):
            metrics.payments.labels(status).set(getattr(payments, status))
        metrics.success_rate.set(_or_nothing(payments.success_rate))
        metrics.intent_to_purchase.labels("0.5").set(_or_nothing(payments.p50))
        metrics.intent_to_purchase.labels("0.99").set(_or_nothing(payments.p99))
        metrics.refunds.set(month.refunded)
        metrics.refund_rate.set(_or_nothing(month.refund_rate))
        _show_revenue(metrics, found.last_day.revenue)
        for state in ("received", "processed", "waiting"):
            metrics.webhooks.labels(state).set(getattr(webhooks, state))
        metrics.webhook_success_rate.set(_or_nothing(webhooks.success_rate))

    return show


def _show_revenue(metrics: StatisticsMetrics, revenue: Iterable[Revenue]) -> None:
    """A day that ends now has parts of two days in UTC. What is not sold any more disappears."""
    sums: dict[tuple[str, str], Decimal] = {}
    for each in revenue:
        kind = each.type, each.currency
        sums[kind] = sums.get(kind, Decimal(0)) + each.amount
    metrics.revenue.clear()
    for kind, amount in sums.items():
        metrics.revenue.labels(*kind).set(float(amount))


def _or_nothing(value: float | None) -> float:
    return _NOTHING if value is None else value


STATISTICS = Feature(endpoints=admin_stats.ENDPOINTS, parts=_parts, works=_works)
