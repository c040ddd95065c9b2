"""Checks what pods serve while something breaks, and goes on committing changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import aiohttp
import asyncpg

from hingecraft.db.failures import UNREACHABLE
from support.processes import ApiProcess

LINK = "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ('stripe', 'usd', $1)"
_AWAY: tuple[type[BaseException], ...] = (*UNREACHABLE, asyncpg.PostgresError)


class Watch:
    """Records each `GET /routes` that fails on a living pod, and each version that is older than the one before."""

    def __init__(self, pods: Sequence[ApiProcess], dsn: str) -> None:
        self._pods = pods
        self._dsn = dsn
        self.committed = 0
        self.asked = 0
        self.failures: list[str] = []

    async def ask(self, pod: ApiProcess) -> None:
        last = 0
        async with aiohttp.ClientSession() as client:
            while True:
                try:
                    async with client.get(pod.public + "/routes", timeout=aiohttp.ClientTimeout(total=2)) as response:
                        version = (await response.json())["data"]["version"]
                        self.asked += 1
                        if response.status != 200 or version < last:
                            self.failures.append(f"{response.status}, version {version} after {last}")
                        last = version
                except (aiohttp.ClientError, TimeoutError) as error:
                    if pod.running and last:
                        self.failures.append(f"{type(error).__name__}: {error}")
                    last = 0
                await asyncio.sleep(0.02)

    async def keep_committing(self) -> None:
        while True:
            with suppress(*_AWAY):
                await self.commit()
            await asyncio.sleep(0.1)

    async def commit(self) -> None:
        connection = await asyncpg.connect(self._dsn, timeout=1, command_timeout=1)
        try:
            await connection.execute(LINK, f"https://buy.example/{self.committed + 1}")
            self.committed += 1
        finally:
            connection.terminate()

    @asynccontextmanager
    async def during(self) -> AsyncIterator[None]:
        """Ask and commit through the fault inside; then every pod must serve the newest commit within 5 s."""
        asking = [asyncio.create_task(self.ask(pod)) for pod in self._pods]
        committing = asyncio.create_task(self.keep_committing())
        try:
            yield
            ended = time.monotonic()
            committing.cancel()
            with suppress(asyncio.CancelledError):
                await committing
            await self._every_pod_serves_the_newest(ended + 5)
        finally:
            for task in (*asking, committing):
                task.cancel()
            await asyncio.gather(*asking, committing, return_exceptions=True)
        assert self.failures == []
        assert self.asked > 20
        assert self.committed > 0

    async def _every_pod_serves_the_newest(self, deadline: float) -> None:
        """The very last link is looked for in the database: a commit may have been made whose answer was lost."""
        connection = await asyncpg.connect(self._dsn, timeout=4)
        newest = await connection.fetchval(
            "SELECT provider_url FROM external_payments ORDER BY created_at DESC, id DESC LIMIT 1"
        )
        await connection.close()
        async with aiohttp.ClientSession() as client:
            for pod in self._pods:
                served = ""
                while served != newest and pod.running:
                    assert time.monotonic() < deadline, f"{pod.log.name}: {served} instead of {newest} after 5 s"
                    async with client.get(pod.public + "/routes") as response:
                        served = (await response.json())["data"]["routes"]["USD"]["url"]
                    await asyncio.sleep(0.02)
