"""A sync engine in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from hingecraft.db.connection import Database
from hingecraft.observability.metrics import SyncMetrics
from hingecraft.outbox.delivery import Deliverer
from hingecraft.outbox.model import Endpoint
from hingecraft.settings import Secret
from hingecraft.sync.changes import Timing
from hingecraft.sync.engine import Engine, ServedEverywhere
from hingecraft.sync.fanout import Pods
from hingecraft.sync.metrics_watcher import MetricsWatcher
from support.limits import PROGRESS
from support.pods import PUSH_SECRET
from support.receiver import SECRET


@dataclass
class RunningEngine:
    """An engine in this process, and the versions that it has brought to every pod."""

    registry: CollectorRegistry
    task: asyncio.Task[None]
    served: list[ServedEverywhere] = field(default_factory=list)

    async def until(self, version: int, within: float = PROGRESS) -> ServedEverywhere:
        async with asyncio.timeout(within):
            while not self.served or self.served[-1].version < version:
                await asyncio.sleep(0.005)
        return self.served[-1]

    def count(self, result: str) -> float:
        return self.registry.get_sample_value("hingecraft_route_rebuilds_total", {"result": result}) or 0.0


class _Keeping(MetricsWatcher):
    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(SyncMetrics(registry))
        self.all: list[ServedEverywhere] = []

    def served_everywhere(self, served: ServedEverywhere) -> None:
        super().served_everywhere(served)
        self.all.append(served)


@asynccontextmanager
async def running_engine(
    dsn: Secret,
    addresses: Sequence[str],
    endpoints: Sequence[Endpoint] = (),
    timing: Timing | None = None,
    send_timeout: float = PROGRESS,
) -> AsyncIterator[RunningEngine]:
    registry = CollectorRegistry()
    watcher = _Keeping(registry)
    database = Database(dsn, application="test-engine")

    async def where() -> Iterable[str]:
        return addresses

    engine = Engine(
        database=database,
        listen_dsn=dsn,
        pods=Pods(addresses=where, secret=Secret(PUSH_SECRET)),
        endpoints=endpoints,
        deliverer=Deliverer(
            database, {e.name: Secret(SECRET) for e in endpoints}, allow_private=True, send_timeout=send_timeout
        ),
        # A notification that is lost is not made up for.
        timing=timing or Timing(resync=3600),
        watcher=watcher,
    )
    task = asyncio.create_task(engine.run())
    try:
        yield RunningEngine(registry, task, watcher.all)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await database.close()
