"""Stores events: those that arrive together are written together, and each is answered after its commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeAlias

from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.inbox import store
from hingecraft.inbox.model import InboundEvent

Stored: TypeAlias = "Callable[[Sequence[InboundEvent]], None]"
_Waiting: TypeAlias = "tuple[InboundEvent, asyncio.Future[None]]"

_AT_ONCE = 500


class Inbox:
    """Commits all events that arrived during the last commit together."""

    def __init__(self, database: Database, stored: Stored = lambda _events: None) -> None:
        self._database = database
        self._stored = stored
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None

    async def put(self, event: InboundEvent) -> None:
        """Return once the event is stored, now or earlier; raise if that is not certain."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, kept))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await kept

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
            events = [event for event, _ in batch]
            try:
                async with self._database.connection() as conn:
                    await store.store(conn, events)
            except DatabaseUnavailableError as error:
                _tell(batch, error)
            except BaseException as error:
                _tell(batch, DatabaseUnavailableError(f"the event could not be stored: {type(error).__name__}"))
                raise
            else:
                _tell(batch, None)
                self._stored(events)


def _tell(batch: list[_Waiting], error: Exception | None) -> None:
    for _, kept in batch:
        if kept.done():
            continue
        if error is None:
            kept.set_result(None)
        else:
            kept.set_exception(error)
