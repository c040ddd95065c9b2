"""Checks what pods serve while something breaks, and goes on committing changes."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import aiohttp
import asyncpg

from hingecraft.db.failures import UNREACHABLE
from support.limits import PROGRESS
from support.processes import ApiProcess

LINK = "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ('stripe', 'usd', $1)"
_PATIENT = aiohttp.ClientTimeout(total=PROGRESS)
_AWAY: tuple[type[BaseException], ...] = (*UNREACHABLE, asyncpg.PostgresError)


class Watch:
    """Records each `GET /routes` that fails on a living pod, and each version that is older than the one before."""

    def __init__(self, pods: Sequence[ApiProcess], dsn: str) -> None:
        self._pods = pods
        self._dsn = dsn
        self.committed = 0
        self.answers: Counter[ApiProcess] = Counter()
        self.failures: list[str] = []

    async def ask(self, pod: ApiProcess) -> None:
        last = 0
        async with aiohttp.ClientSession() as client:
            while True:
                try:
                    async with client.get(pod.public + "/routes", timeout=_PATIENT) as response:
                        served = response.status == 200
                        # A pod that has just started has none yet.
                        version = (await response.json())["data"]["version"] if served else 0
                        self.answers[pod] += served
                        if version < last:
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
        connection = await asyncpg.connect(self._dsn, timeout=PROGRESS, command_timeout=PROGRESS)
        try:
            await connection.execute(LINK, f"https://buy.example/{self.committed + 1}")
            self.committed += 1
        finally:
            connection.terminate()

    async def answer(self) -> None:
        """Wait until every pod that runs has answered two more calls, the second of which began after this did."""
        before = self.answers.copy()
        async with asyncio.timeout(PROGRESS):
            while any(self.answers[pod] < before[pod] + 2 for pod in self._pods if pod.running):
                await asyncio.sleep(0.02)

    @asynccontextmanager
    async def during(self) -> AsyncIterator[None]:
        """Ask and commit through the fault inside; then every pod must serve the newest commit."""
        asking = [asyncio.create_task(self.ask(pod)) for pod in self._pods]
        committing = asyncio.create_task(self.keep_committing())
        try:
            yield
            committing.cancel()
            with suppress(asyncio.CancelledError):
                await committing
            await self.every_pod_serves_the_newest()
            await self.answer()
        finally:
            for task in (*asking, committing):
                task.cancel()
            ends = await asyncio.gather(*asking, committing, return_exceptions=True)
        assert [end for end in ends if not isinstance(end, asyncio.CancelledError)] == []
        assert self.failures == []
        assert self.committed > 0

    async def every_pod_serves_the_newest(self) -> None:
        """The very last link is looked for in the database: a commit may have been made whose answer was lost."""
        connection = await asyncpg.connect(self._dsn, timeout=PROGRESS)
        newest = await connection.fetchval(
            "SELECT provider_url FROM external_payments ORDER BY created_at DESC, id DESC LIMIT 1"
        )
        await connection.close()
        async with aiohttp.ClientSession(timeout=_PATIENT) as client:
            await asyncio.gather(*(self._serves(client, pod, newest) for pod in self._pods))

    async def _serves(self, client: aiohttp.ClientSession, pod: ApiProcess, link: str) -> None:
        served = ""
        try:
            async with asyncio.timeout(PROGRESS):
                while served != link and pod.running:
                    async with client.get(pod.public + "/routes") as response:
                        served = (await response.json())["data"]["routes"]["USD"]["url"]
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{pod.log.name}: {served} instead of {link}") from None
