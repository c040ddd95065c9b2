"""A lane: a fixed number of places that process one kind of events.

A place claims only the events that it starts at once, so that no lease expires while it waits for a place.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from hingecraft.errors import DatabaseUnavailableError
from hingecraft.inbox.model import Claimed

log = logging.getLogger(__name__)

# Seconds. A stopping process waits only this long for the database, which may be down: leases end by themselves.
_GIVE_BACK_WITHIN = 0.5

Claim = Callable[[int], Awaitable[Sequence[Claimed]]]
# Returns how many of the events are done, for now or for good.
Work = Callable[[Sequence[Claimed]], Awaitable[int]]
Room = Callable[[int, int], int]
# Releases the claimed events that are not processed.
GiveBack = Callable[[Sequence[Claimed]], Awaitable[None]]


@asynccontextmanager
async def _for_a_moment() -> AsyncIterator[None]:
    with suppress(DatabaseUnavailableError, TimeoutError):
        async with asyncio.timeout(_GIVE_BACK_WITHIN):
            yield


class Lane:
    """Runs the places, each with a batch of events; `room` may keep some of them empty.

    An idle lane claims nothing until `wake` is called, which must be done at least each second while events are due.
    """

    def __init__(
        self, claim: Claim, work: Work, give_back: GiveBack, *, places: int, batch: int, room: Room | None = None
    ) -> None:
        self._claim = claim
        self._give_back = give_back
        self._work = work
        self._places = places
        self._batch = batch
        self._room = room or (lambda places, busy: places - busy)
        self._busy = 0
        self._worked = 0
        self._freed = asyncio.Event()
        self._woken = asyncio.Event()
        self._idle = False
        self._working: asyncio.TaskGroup | None = None

    def wake(self) -> None:
        """Check for due events now."""
        self._woken.set()

    def reserve(self, events: int) -> int:
        """Reserve places for up to this many events that are about to be stored; returns how many events fit.

        It returns 0 while earlier events may be due: those come first.
        """
        if not self._idle or self._woken.is_set():
            return 0
        places = max(0, min(self._room(self._places, self._busy), self._places_of(events)))
        self._busy += places
        return min(events, places * self._batch)

    def begin_reserved(self, reserved: int, events: Sequence[Claimed]) -> None:
        """Work on leased events in the reserved places; without events this frees them."""
        self._busy -= self._places_of(reserved)
        if self._working is not None:
            self._start(self._working, events)
        self._freed.set()

    async def run(self) -> None:
        """Work until cancelled; events in progress are then released for other processes."""
        async with asyncio.TaskGroup() as working:
            self._working = working
            try:
                await self._keep_beginning(working)
            finally:
                self._working = None

    async def _keep_beginning(self, working: asyncio.TaskGroup) -> None:
        while True:
            begun = False
            try:
                begun = await self._begin(working)
            except DatabaseUnavailableError as error:
                log.warning("the inbox is paused: %s", error)
            if not begun:
                await self._wait()

    async def _wait(self) -> None:
        self._idle = True
        try:
            await self._woken.wait()
        finally:
            self._idle = False

    def _places_of(self, events: int) -> int:
        return -(-events // self._batch)

    async def drain(self) -> int:
        """Process all due events; returns how many."""
        before = self._worked
        async with asyncio.TaskGroup() as working:
            while await self._begin(working):
                pass
        return self._worked - before

    async def _begin(self, working: asyncio.TaskGroup) -> bool:
        """Claim events for every free place; False if none was due."""
        while self._busy >= self._places:
            self._freed.clear()
            await self._freed.wait()
        self._woken.clear()
        room = self._room(self._places, self._busy)
        events = await self._claimed(room * self._batch) if room > 0 else ()
        self._start(working, events)
        return bool(events)

    def _start(self, working: asyncio.TaskGroup, events: Sequence[Claimed]) -> None:
        for first in range(0, len(events), self._batch):
            self._busy += 1
            working.create_task(self._in_a_place(events[first : first + self._batch]))

    async def _claimed(self, limit: int) -> Sequence[Claimed]:
        """Claim events; if cancelled, release what was claimed."""
        claiming = asyncio.ensure_future(self._claim(limit))
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            async with _for_a_moment():
                if events := await claiming:
                    await self._give_back(events)
            raise

    async def _in_a_place(self, events: Sequence[Claimed]) -> None:
        try:
            self._worked += await self._work(events)
        except asyncio.CancelledError:
            async with _for_a_moment():
                await self._give_back(events)
            raise
        except DatabaseUnavailableError as error:
            log.warning("%d events wait: %s", len(events), error)
        except Exception:
            extra = {**events[0].named, "event_id": " ".join(event.event_id for event in events)}
            log.exception("%d events wait until their lease expires", len(events), extra=extra)
        finally:
            self._busy -= 1
            self._freed.set()
