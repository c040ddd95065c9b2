"""Processes the inbox in two lanes for each source: one applies events as received, one asks the source first.

A source that hangs blocks only its own questions.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.inbox import store
from hingecraft.inbox.applying import Applier, Observe
from hingecraft.inbox.breaker import Breaker
from hingecraft.inbox.handlers import Handlers
from hingecraft.inbox.lane import Lane
from hingecraft.inbox.model import Claimed, InboundEvent

log = logging.getLogger(__name__)

# Seconds.
LOOK_EVERY = 1.0

LaneOf = Callable[[InboundEvent | Claimed], Lane | None]

_APPLIED_AT_ONCE = 2
_APPLIED_TOGETHER = 16


class Room:
    """The places that are kept for one write of events."""

    def __init__(self, lane_of: LaneOf, events: Sequence[InboundEvent]) -> None:
        self._lane_of = lane_of
        self._lanes = [lane_of(event) for event in events]
        self._reserved = {lane: lane.reserve(number) for lane, number in Counter(filter(None, self._lanes)).items()}
        left = dict(self._reserved)
        self.leased = [self._takes(lane, left) for lane in self._lanes]

    @staticmethod
    def _takes(lane: Lane | None, left: dict[Lane, int]) -> bool:
        if lane is None or not left[lane]:
            return False
        left[lane] -= 1
        return True

    def begin(self, claimed: Sequence[Claimed]) -> None:
        """Work on the leased events, and wake the lanes of the others."""
        groups: dict[Lane | None, list[Claimed]] = {}
        for event in claimed:
            groups.setdefault(self._lane_of(event), []).append(event)
        for lane, number in self._reserved.items():
            lane.begin_reserved(number, groups.get(lane, ()))
        for each, leased in zip(self._lanes, self.leased, strict=True):
            if each is not None and not leased:
                each.wake()

    def give_back(self) -> None:
        """Free the places."""
        for lane, number in self._reserved.items():
            lane.begin_reserved(number, ())


class Worker:
    """Processes the inbox in every pod. Several may use one database: each event is claimed by one of them."""

    def __init__(
        self,
        database: Database,
        handlers: Handlers,
        observe: Observe = lambda _event, _outcome: None,
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
            places=self.handlers.asked_at_once(source),
            batch=1,
            room=breaker.room,
        )

    def reserve(self, events: Sequence[InboundEvent]) -> Room:
        """Keep places for events that can be begun at once; the lanes of the others are woken when they are stored."""
        return Room(self._lane_of, events)

    def _lane_of(self, event: InboundEvent | Claimed) -> Lane | None:
        return self._lane(event.source, must_ask=event.must_ask)

    def _lane(self, source: str, *, must_ask: bool) -> Lane | None:
        return (self._asking if must_ask else self._applying).get(source)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as lanes:
            for lane in (*self._applying.values(), *self._asking.values()):
                lanes.create_task(lane.run())
            lanes.create_task(self._keep_looking())

    async def _keep_looking(self) -> None:
        """Wake the lanes whose events are due: they were postponed or reopened, or the process that had them died.

        One statement for all lanes: if each of them looked for itself, that would be most of what an idle pod does.
        """
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                async with self._database.connection() as conn:
                    due = await store.due(conn)
            except DatabaseUnavailableError as error:
                log.warning("the inbox is paused: %s", error)
                continue
            for source, must_ask in due:
                lane = self._lane(source, must_ask=must_ask)
                if lane is not None:
                    lane.wake()

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
