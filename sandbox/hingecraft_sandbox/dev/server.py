"""Runs Postgres for `hingecraft dev`: starts, watches and restarts it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hingecraft.errors import UsageError
from hingecraft_sandbox.dev.processes import Say, State
from hingecraft_sandbox.postgres import Postgres

_CHECK_EVERY = 0.5
_PAUSE = 0.5


class Server:
    """Waiting for Postgres blocks, so it happens in threads."""

    name = "postgres"

    def __init__(self, postgres: Postgres, say: Say) -> None:
        self.state = State.STARTING
        self.postgres = postgres
        self._say = say
        self._starting: asyncio.Task[None] | None = None

    @property
    def log(self) -> Path:
        """The file with its output."""
        return self.postgres.log

    async def start(self) -> None:
        """Start it and wait until it answers."""
        self._starting = asyncio.create_task(asyncio.to_thread(self.postgres.start))
        await asyncio.shield(self._starting)
        self.state = State.UP

    async def run(self) -> None:
        """Keep it running until cancelled."""
        while True:
            await asyncio.sleep(_CHECK_EVERY)
            if self.postgres.running:
                continue
            self.state = State.DOWN
            self._say(self.name, "has ended; starting it again")
            await self._start_again()
            self._say(self.name, "is up again")

    async def _start_again(self) -> None:
        while True:
            try:
                return await self.start()
            except UsageError as error:
                # After a kill its last processes may hold the data for a moment.
                self._say(self.name, str(error))
                await asyncio.sleep(_PAUSE)

    async def stop(self) -> None:
        """Stop it cleanly, even while it is starting."""
        if self._starting is not None:
            await asyncio.wait({self._starting})
        await asyncio.to_thread(self.postgres.stop)
