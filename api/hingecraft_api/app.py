"""Puts a pod together: two applications, the public one and the cluster-internal one, over the same parts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CollectorRegistry

from hingecraft.db.connection import Database
from hingecraft.donations.checkouts import Checkouts
from hingecraft.inbox.handlers import Handlers
from hingecraft.inbox.service import Inbox
from hingecraft.inbox.store import Backlog
from hingecraft.inbox.watch import watch
from hingecraft.inbox.worker import Worker
from hingecraft.installation.accounts import watch as watch_account
from hingecraft.money.book import CurrencyBook
from hingecraft.observability.metrics import ApiMetrics
from hingecraft.payments import applying
from hingecraft.payments.books import Books, Recorded
from hingecraft.payments.returning import Returning
from hingecraft.providers import nowpayments, stripe
from hingecraft.providers.registry import Providers
from hingecraft.reconcile.checker import Checker
from hingecraft.reconcile.model import LastRun
from hingecraft.reconcile.sweep import recover
from hingecraft.reconcile.watch import watch as watch_runs
from hingecraft.systems import PURPOSES
from hingecraft_api.bodies import LARGEST_BODY
from hingecraft_api.edge import Edge
from hingecraft_api.endpoint import Endpoint, Limit
from hingecraft_api.expiry import delete_expired
from hingecraft_api.handlers import (
    admin_payments,
    admin_routes,
    admin_settlements,
    documents,
    donations,
    embed,
    health,
    internal,
    payments,
    routes,
    webhooks,
)
from hingecraft_api.lane.protocol import protocol_with
from hingecraft_api.lane.routes_lane import RoutesLane
from hingecraft_api.pod import POD, Pod
from hingecraft_api.refusals import Refusals
from hingecraft_api.routes_cache import RoutesCache
from hingecraft_api.routes_loader import RoutesLoader
from hingecraft_api.server import PROTOCOL
from hingecraft_api.settings import ApiSettings

if TYPE_CHECKING:
    from hingecraft_api.shared_limit import SharedLimit

# What the contract describes; the internal port is between us and ourselves.
PUBLIC_ENDPOINTS: list[Endpoint] = [
    *donations.ENDPOINTS,
    *payments.ENDPOINTS,
    *routes.ENDPOINTS,
    *webhooks.ENDPOINTS,
    *admin_routes.ENDPOINTS,
    *admin_payments.ENDPOINTS,
    *admin_settlements.ENDPOINTS,
    *health.ENDPOINTS,
]


def build_pod(settings: ApiSettings, registry: CollectorRegistry) -> Pod:
    """The parts of one pod; nothing is connected yet."""
    database = Database(
        settings.database_url,
        application="hingecraft-api",
        smallest=settings.database_pool_min,
        largest=settings.database_pool_max,
    )
    cache = RoutesCache()
    metrics = ApiMetrics(registry)
    currencies = CurrencyBook(database, settings.amount_min, settings.amount_max)

    def called(provider: str, outcome: str, seconds: float) -> None:
        metrics.provider_seconds.labels(provider, outcome).observe(seconds)

    def key_rejected(provider: str) -> None:
        metrics.keys_rejected.labels(provider).inc()

    providers = Providers.from_settings(settings, key_rejected=key_rejected, observe=called)

    books = Books(PURPOSES)

    def worked(source: str, outcome: str) -> None:
        metrics.events.labels(source, outcome).inc()

    def recorded(moved: Recorded) -> None:
        if moved.without_value:
            metrics.without_value.labels(moved.provider).inc(moved.without_value)
        if moved.before != moved.after:
            metrics.payments.labels(moved.provider, moved.price_currency, moved.after).inc()
            if moved.paid:
                metrics.payment_amount.labels(moved.provider, moved.price_currency).inc(float(moved.amount))

    for provider in (stripe.NAME, nowpayments.NAME):
        # There from the start: an increase is seen only of a series that is there before.
        metrics.keys_rejected.labels(provider)
        metrics.without_value.labels(provider)
    worker = Worker(database, Handlers(applying.registrations(providers, currencies, books, recorded)), worked)

    def swapped() -> None:
        metrics.version.set(cache.version)
        metrics.swaps.inc()

    return Pod(
        settings=settings,
        database=database,
        cache=cache,
        loader=RoutesLoader(database, cache, currencies, swapped),
        metrics=metrics,
        refusals=Refusals(database, metrics),
        shared_limit=_shared_limit(settings),
        currencies=currencies,
        books=books,
        providers=providers,
        checkouts=Checkouts(database, providers),
        inbox=Inbox(database, worker.wake),
        worker=worker,
        recoverer=Checker(database, providers, currencies, books, actor="recoverer", recorded=recorded),
        returning=Returning(database, providers.stripe, currencies, books, recorded),
    )


def _shared_limit(settings: ApiSettings) -> SharedLimit | None:
    """The store's client takes eleven megabytes, which only pods that share their limits pay."""
    if not settings.valkey_url:
        return None
    from hingecraft_api import shared_limit  # noqa: PLC0415 - eleven megabytes for those who share alone

    return shared_limit.SharedLimit(settings.valkey_url.newest)


def works_of(pod: Pod) -> Mapping[str, Callable[[], Awaitable[None]]]:
    """What a pod does beside answering."""

    def show(backlog: Backlog) -> None:
        pod.metrics.events_waiting.set(backlog.waiting)
        pod.metrics.events_oldest.set(backlog.oldest)

    def show_run(last: LastRun) -> None:
        pod.metrics.reconciled_at.set(last.finished_at)
        pod.metrics.reconcile_succeeded.set(last.succeeded)
        for what, number in last.numbers.items():
            pod.metrics.reconciled.labels(what).set(number)

    configured = [each for each in (pod.providers.stripe, pod.providers.nowpayments) if each.configured]
    accounts = {"comparing accounts": lambda: watch_account(pod.database, pod.providers.stripe.account)}
    return {
        **(accounts if pod.providers.stripe.configured else {}),
        "looking for newer routes": pod.loader.run,
        "deleting what has expired": lambda: delete_expired(pod.database),
        "working on the inbox": pod.worker.run,
        "watching the inbox": lambda: watch(pod.database, show),
        "watching the reconciliation": lambda: watch_runs(pod.database, show_run),
        "recovering checkouts": lambda: recover(pod.database, pod.recoverer, configured),
    }


def public_app(pod: Pod, endpoints: Sequence[Endpoint] = PUBLIC_ENDPOINTS) -> web.Application:
    """What the ingress reaches."""
    pages = [*documents.endpoints_for(endpoints, pod.settings), *embed.endpoints_for(pod.settings)]
    edge = Edge(pod, [*endpoints, *pages])
    application = _application(pod, edge)
    if pod.settings.routes_lane and pod.shared_limit is None:  # a limit in Valkey has to be waited for
        application[PROTOCOL] = protocol_with(RoutesLane(pod, edge))
    return application


def internal_app(pod: Pod, registry: CollectorRegistry) -> web.Application:
    """What engines, Prometheus and the kubelet reach."""
    metrics = Endpoint(
        method="GET",
        path="/metrics",
        handler=health.metrics_of(registry),
        summary="For Prometheus",
        tag="Internal",
        limit=Limit.NONE,
    )
    return _application(pod, Edge(pod, [*internal.ENDPOINTS, *health.ENDPOINTS, metrics]))


def _application(pod: Pod, edge: Edge) -> web.Application:
    application = web.Application(client_max_size=LARGEST_BODY, middlewares=[edge.middleware()])
    application.on_response_prepare.append(edge.add_headers)
    application[POD] = pod
    for endpoint in edge.endpoints:
        application.router.add_route(endpoint.method, endpoint.path, endpoint.serve)
    return application
