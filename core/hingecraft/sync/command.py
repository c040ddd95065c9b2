"""`hingecraft sync`: the engine without Kubernetes, for laptops and plain machines."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from prometheus_client import start_http_server
from pydantic import Field

from hingecraft import process
from hingecraft.cli import EXIT_OK, Command
from hingecraft.db.connection import Database
from hingecraft.errors import UsageError
from hingecraft.observability.metrics import SyncMetrics, new_registry
from hingecraft.outbox.delivery import Deliverer
from hingecraft.outbox.model import key_of, parse_endpoints
from hingecraft.proxies import ProxySettings
from hingecraft.settings import CommaList, ListenSettings, OptionalSecret, RequiredSecret, Secret, load
from hingecraft.sync.changes import Timing
from hingecraft.sync.engine import Engine, ServedEverywhere, Watcher
from hingecraft.sync.fanout import Pods
from hingecraft.sync.metrics_watcher import MetricsWatcher

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

log = logging.getLogger(__name__)


class SyncSettings(ListenSettings, ProxySettings):
    """The settings of `hingecraft sync`."""

    api_addresses: CommaList = Field(
        description="internal base URLs of the pods, comma-separated, for example http://127.0.0.1:8081"
    )
    push_secret: RequiredSecret = Field(description="signs pushes from the sync engine to the pods")
    wix_webhook_endpoints: CommaList = Field(
        (),
        description="name=url pairs, comma-separated, https only; a path that ends in /afterPaymentWebhook gets the "
        "payment events, any other routes.updated",
    )
    webhook_secret: OptionalSecret = Field(
        Secret(), description="signs webhooks to Wix: whsec_ followed by base64; needed with WIX_WEBHOOK_ENDPOINTS"
    )
    allow_private_webhooks: bool = Field(
        False, description="development only: allow webhooks to http and private addresses"
    )
    sync_leading: bool = Field(True, description="publish the first change after a quiet period at once")
    sync_metrics_port: int = Field(0, description="port for the metrics of this process; 0: off", ge=0, le=65535)


class _LoggingWatcher(MetricsWatcher):
    """Updates the metrics, and logs each version that every pod serves."""

    def served_everywhere(self, served: ServedEverywhere) -> None:
        """Log one line for each version."""
        super().served_everywhere(served)
        log.info(
            "routes version %s is served by every pod",
            served.version,
            extra={"version": served.version, "pods": served.pods, "ms": round(served.seconds * 1000)},
        )


@asynccontextmanager
async def engine_of(settings: SyncSettings, watcher: Watcher) -> AsyncIterator[Engine]:
    """An engine as the settings describe it."""
    endpoints = parse_endpoints(settings.wix_webhook_endpoints, allow_private=settings.allow_private_webhooks)
    if endpoints and not settings.webhook_secret:
        raise UsageError("WEBHOOK_SECRET is not set, and WIX_WEBHOOK_ENDPOINTS needs it")
    for secret in settings.webhook_secret.values:
        key_of(secret)

    async def addresses() -> Iterable[str]:
        return settings.api_addresses

    database = Database(settings.database_url, application="hingecraft-sync")
    try:
        yield Engine(
            database=database,
            listen_dsn=settings.listen_database_url or settings.database_url,
            pods=Pods(addresses=addresses, secret=settings.push_secret),
            endpoints=endpoints,
            deliverer=Deliverer(
                database,
                {endpoint.name: settings.webhook_secret for endpoint in endpoints},
                allow_private=settings.allow_private_webhooks,
                observe=watcher.delivered,
                proxies=settings.proxies,
            ),
            timing=Timing(leading=settings.sync_leading),
            watcher=watcher,
        )
    finally:
        await database.close()


async def _main(settings: SyncSettings) -> None:
    registry = new_registry("sync")
    if settings.sync_metrics_port:
        start_http_server(settings.sync_metrics_port, registry=registry)
    async with engine_of(settings, _LoggingWatcher(SyncMetrics(registry))) as engine:
        await process.until_stopped(engine.run())


def _run(_arguments: argparse.Namespace) -> int:
    settings = load(SyncSettings)
    process.start_observing(settings, "sync")
    process.run(_main(settings))
    return EXIT_OK


COMMAND = Command(summary="push every route change to all pods and Wix endpoints", run=_run)
