"""Kills a process right after one of its steps, from outside: what asked for it never sees its answer."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from support.processes import HingecraftProcess
from support.sandbox import Sandbox
from support.stage import Stage
from support.taps import tapped


@dataclass(frozen=True, slots=True)
class Place:
    """A step, and how often it was taken by then."""

    step: str
    times: int = 1


class Killing:
    """Sees the steps of a process between `watch` and `rest`."""

    def __init__(self) -> None:
        self.killed = asyncio.Event()
        self._counts: Counter[str] = Counter()
        self._process: HingecraftProcess | None = None
        self._at: Place | int | None = None
        self.places: list[Place] = []

    def watch(self, process: HingecraftProcess, at: Place | int | None = None) -> None:
        """Kill the process at that place, or after so many steps; without either, note its steps."""
        self.killed.clear()
        self._counts.clear()
        self._process, self._at, self.places = process, at, []

    def rest(self) -> None:
        self._process = None

    async def after(self, step: str) -> None:
        """For the taps."""
        if self._process is None:
            return
        self._counts[step] += 1
        place = Place(step, self._counts[step])
        self.places.append(place)
        if self._at in {place, len(self.places)}:
            self._process.signal(signal.SIGKILL)
            self._process = None
            self.killed.set()
            raise ConnectionAbortedError(f"the process was killed after {place}")


class KillingStage(Stage):
    """A stage on which the pod and the job can be killed after any step."""

    def __init__(self, folder: Path, dsn: str, sandbox: Sandbox, killing: Killing, **environment: str) -> None:
        super().__init__(folder, dsn, sandbox)
        self.killing = killing
        self.api.tell(**environment)
        self.job.tell(**environment)

    async def steps(self, call: Callable[[], Awaitable[None]], done: Callable[[], Awaitable[bool]]) -> list[Place]:
        """The steps that a call takes if nothing happens to it."""
        self.killing.watch(self.api)
        await call()
        await self.until(done)
        self.killing.rest()
        return self.killing.places

    async def dies(
        self, call: Callable[[], Awaitable[None]], done: Callable[[], Awaitable[bool]], place: Place
    ) -> None:
        """The pod dies at that place, at the latest when it is through; a new one takes over."""

        async def over() -> bool:
            return self.killing.killed.is_set() or await done()

        self.killing.watch(self.api, place)
        with suppress(aiohttp.ClientError):
            await call()
        await self.until(over)
        self.killing.rest()
        await self.replace()

    async def replace(self) -> None:
        """Kill the pod, and start another."""
        await self.kill()
        await self.api.start()
        await self.api.until("/ready", 200)

    async def job_dies(self, steps: int) -> bool:
        """Whether the reconciliation was killed after so many steps, and did not end before."""
        self.killing.watch(self.job, steps)
        await self.job.start()
        await self.job.wait()
        self.killing.rest()
        await self.cut()
        return self.killing.killed.is_set()


@asynccontextmanager
async def killing_stage(folder: Path, dsn: str, sandbox: Sandbox, **environment: str) -> AsyncIterator[KillingStage]:
    """With a pod that is ready, and a sandbox that tells it nothing by itself."""
    killing = Killing()
    async with tapped(dsn, sandbox.address, killing.after) as tap:
        stage = KillingStage(folder, dsn, sandbox, killing, **tap, **environment)
        try:
            await stage.begin()
            await sandbox.tells(stage.api.public, enabled=False)
            yield stage
        finally:
            await stage.end()
