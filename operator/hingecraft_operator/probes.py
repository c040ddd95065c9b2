"""`/healthz`, `/readyz` and `/metrics`. The probes check that each part has made progress, not that a port is open."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

# In seconds; longer than the longest reconciliation and the pause after it.
STUCK_AFTER = 120.0
_MOST_NAMED = 10


class Liveness:
    """When each part of the process last made progress."""

    def __init__(self) -> None:
        self._parts: list[Callable[[], Mapping[str, float]]] = []

    def watch(self, name: str, last: Callable[[], float]) -> None:
        """Report this part as stuck when `last()` is more than two minutes ago."""
        self._parts.append(lambda: {name: last()})

    @contextmanager
    def watching(self, last: Callable[[], Mapping[str, float]]) -> Iterator[None]:
        """Like `watch`, for several named parts, until the context ends."""
        self._parts.append(last)
        try:
            yield
        finally:
            self._parts.remove(last)

    def stuck(self) -> list[str]:
        """The parts that made no progress for two minutes."""
        now = time.monotonic()
        return [name for part in self._parts for name, last in part().items() if now - last > STUCK_AFTER]


@asynccontextmanager
async def serving(port: int, liveness: Liveness, registry: CollectorRegistry) -> AsyncIterator[int]:
    """Serve on the port, or on a free one if it is 0; yields the port."""

    async def health(_request: web.Request) -> web.Response:
        stuck = liveness.stuck()
        text = f"stuck: {', '.join(stuck[:_MOST_NAMED])}" if stuck else "ok"
        return web.Response(text=f"{text}\n", status=503 if stuck else 200)

    async def metrics(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.router.add_get("/healthz", health)
    app.router.add_get("/readyz", health)
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, None, port)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
