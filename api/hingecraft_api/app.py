"""Puts a pod together from its features: two applications, the public one and the cluster-internal one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CollectorRegistry

from hingecraft.db.connection import Database
from hingecraft.inbox.handlers import Handlers
from hingecraft.inbox.model import Claimed
from hingecraft.inbox.service import Inbox
from hingecraft.inbox.worker import Worker
from hingecraft.money.book import CurrencyBook
from hingecraft.observability.metrics import ApiMetrics
from hingecraft.payments.books import Books
from hingecraft.payments.purpose import Purposes
from hingecraft.providers import nowpayments, stripe
from hingecraft.providers.port import Rejected
from hingecraft.providers.registry import Providers
from hingecraft.sync.push import LARGEST_PUSH
from hingecraft.systems import PURPOSES
from hingecraft.wix_app.callers import WixCallers
from hingecraft.wix_app.client.client import WixClient
from hingecraft.wix_app.instances.checks import check_of
from hingecraft_api.access.limits import Limit
from hingecraft_api.access.rejected_calls import RejectedCalls
from hingecraft_api.feature import Feature, Work
from hingecraft_api.handlers import health
from hingecraft_api.handlers.pages import components, dashboard, documents
from hingecraft_api.lane.protocol import protocol_with
from hingecraft_api.lane.routes_lane import RoutesLane
from hingecraft_api.messages.bodies import LARGEST_BODY
from hingecraft_api.pod import POD, Pod
from hingecraft_api.routes.cache import RoutesCache
from hingecraft_api.routes.loader import RoutesLoader
from hingecraft_api.settings import ApiSettings
from hingecraft_api.systems import FEATURES
from hingecraft_api.web.edge import Edge
from hingecraft_api.web.endpoint import Endpoint
from hingecraft_api.web.server import PROTOCOL

if TYPE_CHECKING:
    from hingecraft.identity.tokens import Tokens
    from hingecraft_api.access.shared_limit import SharedLimit


def endpoints_of(features: Sequence[Feature]) -> list[Endpoint]:
    """The public endpoints of the features, which the reference describes."""
    return [endpoint for feature in features for endpoint in feature.endpoints]


PUBLIC_ENDPOINTS = endpoints_of(FEATURES)


def build_pod(
    settings: ApiSettings,
    registry: CollectorRegistry,
    features: Sequence[Feature] = FEATURES,
    purposes: Purposes = PURPOSES,
) -> Pod:
    """One pod with the parts of all features; nothing is connected yet."""
    pod = _without_features(settings, registry, purposes)
    for feature in features:
        for part in feature.parts(pod):
            pod.parts.add(part)

    def worked(event: Claimed, result: str) -> None:
        pod.metrics.inbox.events.labels(event.source, event.type, result).inc()

    handlers = Handlers(each for feature in features for each in feature.events(pod))
    pod.worker = Worker(pod.database, handlers, worked)
    pod.inbox = Inbox(pod.database, pod.worker)
    return pod


def _without_features(settings: ApiSettings, registry: CollectorRegistry, purposes: Purposes) -> Pod:
    database = Database(
        settings.database_url,
        application="hingecraft-api",
        smallest=settings.database_pool_min,
        largest=settings.database_pool_max,
    )
    cache = RoutesCache()
    metrics = ApiMetrics(registry)
    currencies = CurrencyBook(database, settings.amount_min, settings.amount_max)

    def swapped() -> None:
        metrics.routes.version.set(cache.version)
        metrics.routes.swaps.inc()

    wix_client = WixClient.from_settings(settings, settings.proxies, _key_rejected(metrics))
    return Pod(
        settings=settings,
        database=database,
        cache=cache,
        loader=RoutesLoader(database, cache, currencies, swapped),
        metrics=metrics,
        rejected_calls=RejectedCalls(database, metrics),
        shared_limit=_shared_limit(settings),
        tokens=_tokens(settings, metrics),
        wix_client=wix_client,
        wix_callers=WixCallers(database, check_of(settings, wix_client)) if wix_client is not None else None,
        currencies=currencies,
        books=Books(purposes),
        providers=_providers(settings, metrics),
    )


def _providers(settings: ApiSettings, metrics: ApiMetrics) -> Providers:
    def called(provider: str, outcome: str, seconds: float) -> None:
        metrics.providers.seconds.labels(provider, outcome).observe(seconds)

    for provider in (stripe.NAME, nowpayments.NAME):
        # Created at the start: Prometheus sees an increase only in a series that exists already.
        metrics.providers.keys_rejected.labels(provider)
        metrics.payments.without_value.labels(provider)
    return Providers.from_settings(settings, key_rejected=_key_rejected(metrics), observe=called)


def _key_rejected(metrics: ApiMetrics) -> Rejected:
    return lambda provider: metrics.providers.keys_rejected.labels(provider).inc()


def _shared_limit(settings: ApiSettings) -> SharedLimit | None:
    """The store's client takes eleven megabytes, which only pods that share their limits pay."""
    if not settings.valkey_url:
        return None
    from hingecraft_api.access import shared_limit  # noqa: PLC0415 - loads eleven megabytes, so only if needed

    return shared_limit.SharedLimit(settings.valkey_url.newest)


def _tokens(settings: ApiSettings, metrics: ApiMetrics) -> Tokens | None:
    """Cryptography takes twenty megabytes, which only pods that serve members pay."""
    if not settings.verifies_tokens:
        return None
    from hingecraft.identity import key_set, tokens  # noqa: PLC0415 - loads twenty megabytes, so only if needed

    address = settings.auth_jwks_url
    if not address:
        return tokens.Tokens(settings)
    for outcome in key_set.FetchOutcome:
        # There from the start: an increase is seen only of a series that is there before.
        metrics.requests.key_set_fetches.labels(outcome)

    def fetched(outcome: key_set.FetchOutcome) -> None:
        metrics.requests.key_set_fetches.labels(outcome).inc()

    return tokens.Tokens(settings, key_set.KeySet(address, settings.proxies, fetched))


def works_of(pod: Pod, features: Sequence[Feature] = FEATURES) -> Mapping[str, Work]:
    """The background work of a pod; raises ValueError if two features use the same name."""
    works: dict[str, Work] = {}
    for feature in features:
        for name, work in feature.works(pod).items():
            if name in works:
                raise ValueError(f"two features name a work {name!r}")
            works[name] = work
    return works


def public_app(pod: Pod, endpoints: Sequence[Endpoint] = PUBLIC_ENDPOINTS) -> web.Application:
    """The application that the ingress reaches."""
    for_people = [
        *documents.endpoints_for(endpoints, pod.settings),
        *components.endpoints_for(pod.settings),
        *dashboard.endpoints_for(pod.settings),
    ]
    edge = Edge(pod, [*endpoints, *for_people])
    application = _application(pod, edge)
    if pod.settings.routes_lane and pod.shared_limit is None:  # a limit in Valkey has to be waited for
        application[PROTOCOL] = protocol_with(RoutesLane(pod, edge))
    return application


def internal_app(pod: Pod, registry: CollectorRegistry, features: Sequence[Feature] = FEATURES) -> web.Application:
    """The application that engines, Prometheus and the kubelet reach."""
    metrics = Endpoint(
        method="GET",
        path="/metrics",
        handler=health.metrics_of(registry),
        summary="For Prometheus",
        tag="Internal",
        limit=Limit.NONE,
    )
    endpoints = [*(each for feature in features for each in feature.internal), metrics]
    return _application(pod, Edge(pod, endpoints), LARGEST_PUSH)


def _application(pod: Pod, edge: Edge, largest_body: int = LARGEST_BODY) -> web.Application:
    application = web.Application(client_max_size=largest_body, middlewares=[edge.middleware()])
    application.on_response_prepare.append(edge.add_headers)
    application[POD] = pod
    for endpoint in edge.endpoints:
        application.router.add_route(endpoint.method, endpoint.path, endpoint.serve)
    return application
