"""Runs the engine of one resource; a new runner is made when its inputs change."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping

from hingecraft.db.connection import Database
from hingecraft.outbox.delivery import Deliverer
from hingecraft.process import cancel
from hingecraft.proxies import Proxies
from hingecraft.settings import Secret
from hingecraft.sync.engine import Engine, Watcher
from hingecraft.sync.fanout import Pods
from hingecraft_operator.engine.inputs import Inputs


class EngineRunner:
    """One engine, with its fan-out and webhook deliveries."""

    def __init__(
        self,
        *,
        database: Database,
        inputs: Inputs,
        addresses: Callable[[], Awaitable[Iterable[str]]],
        name: Callable[[str], str],
        watcher: Watcher,
        allow_private: bool,
        proxies: Proxies,
    ) -> None:
        self.inputs = inputs
        self._engine = Engine(
            database=database,
            listen_dsn=inputs.database.listen_secret,
            pods=Pods(addresses=addresses, secret=Secret(inputs.push_secret), name=name),
            endpoints=[each.endpoint for each in inputs.webhooks],
            deliverer=Deliverer(
                database,
                {each.endpoint.name: Secret(each.secret) for each in inputs.webhooks if each.secret is not None},
                allow_private=allow_private,
                proxies=proxies,
                observe=watcher.delivered,
                timeouts={each.endpoint.name: each.timeout for each in inputs.webhooks},
            ),
            timing=inputs.timing,
            watcher=watcher,
        )
        self._task: asyncio.Task[None] | None = None

    @property
    def served(self) -> Mapping[str, int]:
        """The newest version that each pod has acknowledged, by URL."""
        return self._engine.served

    @property
    def failures(self) -> Mapping[str, str]:
        """The result of the last push to each pod that did not acknowledge it, by URL."""
        return self._engine.failures

    @property
    def progress_at(self) -> float:
        """When the engine last listened, or tried to listen, for changes."""
        return self._engine.progress_at

    def start(self) -> None:
        """Start the engine as a task; returns at once."""
        self._task = asyncio.create_task(self._engine.run())

    def refresh(self) -> None:
        """Check the data and the pods' addresses now."""
        self._engine.refresh()

    async def stop(self) -> None:
        """Stop publishing and pushing; the caller closes the database."""
        if self._task is not None:
            await cancel(self._task)
