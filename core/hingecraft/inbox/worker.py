"""Processes the inbox in two lanes for each source: one applies events as received, one asks the source first.

A source that hangs blocks only its own questions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial

from hingecraft.db.connection import Database
from hingecraft.inbox import store
from hingecraft.inbox.applying import Applier, Observe
from hingecraft.inbox.breaker import Breaker
from hingecraft.inbox.handlers import Handlers
from hingecraft.inbox.lane import Lane
from hingecraft.inbox.model import Claimed, InboundEvent

_APPLIED_AT_ONCE = 2
_APPLIED_TOGETHER = 16
_ASKED_AT_ONCE = 4


class Worker:
    """Processes the inbox in every pod. Several may use one database: each event is claimed by one of them."""

    def __init__(
        self,
        database: Database,
        handlers: Handlers,
        observe: Observe = lambda _source, _outcome: None,
    ) -> None:
        self.handlers = handlers
        self._database = database
        self._applier = Applier(database, handlers, observe)
        self._asking = {source: self._questions_of(source) for source in handlers.sources}
        self._applying = {
            source: Lane(
                partial(self._claim, source, must_ask=False),
                self._apply,
                self._give_back,
                places=_APPLIED_AT_ONCE,
                batch=_APPLIED_TOGETHER,
            )
            for source in handlers.sources
        }

    def _questions_of(self, source: str) -> Lane:
        breaker = Breaker(source)
        return Lane(
            partial(self._claim, source, must_ask=True),
            partial(self._applier.ask, breaker=breaker),
            self._give_back,
            places=_ASKED_AT_ONCE,
            batch=1,
            room=breaker.room,
        )

    def wake(self, events: Iterable[InboundEvent]) -> None:
        """Wake the lanes of newly stored events; the other lanes stay asleep."""
        for source, must_ask in {(event.source, event.must_ask) for event in events}:
            lane = (self._asking if must_ask else self._applying).get(source)
            if lane is not None:
                lane.wake()

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as lanes:
            for lane in (*self._applying.values(), *self._asking.values()):
                lanes.create_task(lane.run())

    async def drain(self) -> int:
        """Process all due events; returns how many."""
        return await _drained(self._applying.values()) + await _drained(self._asking.values())

    async def _claim(self, source: str, limit: int, *, must_ask: bool) -> list[Claimed]:
        async with self._database.connection() as conn:
            return await store.claim(conn, limit, source, must_ask=must_ask)

    async def _give_back(self, events: Sequence[Claimed]) -> None:
        async with self._database.connection() as conn:
            await store.give_back(conn, events)

    async def _apply(self, events: Sequence[Claimed]) -> int:
        done = await self._applier.apply(events)
        if done < len(events):
            for source in {event.source for event in events}:
                self._asking[source].wake()
        return done


async def _drained(lanes: Iterable[Lane]) -> int:
    async with asyncio.TaskGroup() as group:
        drains = [group.create_task(lane.drain()) for lane in lanes]
    return sum(drain.result() for drain in drains)
