"""Stores events: those that arrive together are written together, and each is answered after its commit.

Where the worker has room for an event, it is leased in the same statement, which saves the one that claims it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol, TypeAlias

from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.inbox import store
from hingecraft.inbox.model import Claimed, InboundEvent
from hingecraft.observability import traces

_Waiting: TypeAlias = "tuple[InboundEvent, asyncio.Future[None]]"

_AT_ONCE = 500


class Reserved(Protocol):
    """Room that is kept for events while they are being stored."""

    @property
    def leased(self) -> Sequence[bool]:
        """For each event, whether it is leased by the statement that stores it."""
        ...

    def begin(self, claimed: Sequence[Claimed]) -> None:
        """Work on these leased events, and give the rest of the room back."""
        ...

    def give_back(self) -> None:
        """Give the room back: nothing was stored, or that is not known."""
        ...


class Processing(Protocol):
    """The worker of this process."""

    def reserve(self, events: Sequence[InboundEvent]) -> Reserved:
        """Keep room for events that can be begun at once."""
        ...


class Inbox:
    """Commits all events that arrived during the last commit together."""

    def __init__(self, database: Database, processing: Processing) -> None:
        self._database = database
        self._processing = processing
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None

    async def put(self, event: InboundEvent) -> None:
        """Return once the event is stored, now or earlier; raise if that is not certain."""
        traces.note(source=event.source, event_id=event.event_id, event_type=event.type)
        traces.remember(event.event_id)
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, kept))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        await kept

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
            events = [event for event, _ in batch]
            reserved = self._processing.reserve(events)
            try:
                async with self._database.connection() as conn:
                    claimed = await store.store_and_lease(conn, events, reserved.leased)
            except DatabaseUnavailableError as error:
                reserved.give_back()
                _resolve(batch, error)
            except BaseException as error:
                reserved.give_back()
                _resolve(batch, DatabaseUnavailableError(f"the event could not be stored: {type(error).__name__}"))
                raise
            else:
                _resolve(batch, None)
                reserved.begin(claimed)


def _resolve(batch: list[_Waiting], error: Exception | None) -> None:
    for _, kept in batch:
        if kept.done():
            continue
        if error is None:
            kept.set_result(None)
        else:
            kept.set_exception(error)
