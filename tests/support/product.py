"""Three pods and an engine as real processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from hingecraft.migrations.command import bring_up_to_date
from hingecraft.settings import DsnSecret
from hingecraft_sandbox.postgres import Postgres, find_binaries, free_port
from support.pod_watch import Watch
from support.processes import ApiProcess, HingecraftProcess, Proxy


@dataclass
class Product:
    """Three pods and an engine before a Postgres of their own, through a proxy."""

    folder: Path
    postgres: Postgres
    proxy: Proxy
    pods: list[ApiProcess]
    syncs: list[HingecraftProcess]
    watch: Watch

    def new_sync(self) -> HingecraftProcess:
        sync = HingecraftProcess(
            self.folder, f"sync-{len(self.syncs)}", "sync",
            DATABASE_URL=self.dsn(self.proxy.port), API_ADDRESSES=",".join(pod.internal for pod in self.pods),
        )  # fmt: skip
        self.syncs.append(sync)
        return sync

    @staticmethod
    def dsn(port: int) -> str:
        return f"postgresql://hingecraft@127.0.0.1:{port}/postgres"


@asynccontextmanager
async def running_product(folder: Path) -> AsyncIterator[Product]:
    postgres = Postgres(folder=folder / "postgres", binaries=find_binaries(), port=free_port())
    postgres.start()
    await bring_up_to_date(DsnSecret(postgres.dsn()), "hingecraft_app", lambda _line: None)
    async with AsyncExitStack() as stack:
        stack.callback(postgres.stop, immediately=True)
        proxy = await stack.enter_async_context(Proxy(postgres.port).running())
        pods = [ApiProcess(folder, f"api-{number}", Product.dsn(proxy.port)) for number in range(3)]
        made = Product(folder, postgres, proxy, pods, [], Watch(pods, postgres.dsn()))
        sync = made.new_sync()
        for process in (*pods, sync):
            await process.start()
            stack.push_async_callback(process.stop)
        for pod in pods:
            await pod.until("/ready", 200)
        yield made
        for extra in made.syncs[1:]:
            await extra.stop()
