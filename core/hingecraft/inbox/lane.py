"""The places in which one kind of events is worked on.

A place claims what it begins at once, so that no claim waits for a place and runs out there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

from hingecraft.errors import DatabaseUnavailableError
from hingecraft.inbox.model import Claimed

log = logging.getLogger(__name__)

_LOOK_EVERY = 1.0
# A process that stops waits no longer for a database that may be away: a lease ends by itself.
_GIVE_BACK_WITHIN = 0.5

Claim = Callable[[int], Awaitable[Sequence[Claimed]]]
# Answers how many of the events are done with, for now or for good.
Work = Callable[[Sequence[Claimed]], Awaitable[int]]
Room = Callable[[int, int], int]
# Of events that were claimed, frees those that are not processed.
GiveBack = Callable[[Sequence[Claimed]], Awaitable[None]]


@asynccontextmanager
async def _for_a_moment() -> AsyncIterator[None]:
    with suppress(DatabaseUnavailableError, TimeoutError):
        async with asyncio.timeout(_GIVE_BACK_WITHIN):
            yield


class Lane:
    """So many places, each for a batch of events; `room` may leave some of them empty."""

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

    def wake(self) -> None:
        """There may be something to do."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled; what is under way then is given back, and done by another process."""
        async with asyncio.TaskGroup() as working:
            while True:
                begun = False
                try:
                    begun = await self._begin(working)
                except DatabaseUnavailableError as error:
                    log.warning("the inbox is paused: %s", error)
                if not begun:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(_LOOK_EVERY):
                            await self._woken.wait()

    async def drain(self) -> int:
        """Work on all that is due; answers how many events that was."""
        before = self._worked
        async with asyncio.TaskGroup() as working:
            while await self._begin(working):
                pass
        return self._worked - before

    async def _begin(self, working: asyncio.TaskGroup) -> bool:
        """Claim for every free place; False when there was nothing to claim."""
        while self._busy >= self._places:
            self._freed.clear()
            await self._freed.wait()
        self._woken.clear()
        room = self._room(self._places, self._busy)
        events = await self._claimed(room * self._batch) if room > 0 else ()
        for first in range(0, len(events), self._batch):
            self._busy += 1
            working.create_task(self._in_a_place(events[first : first + self._batch]))
        return bool(events)

    async def _claimed(self, limit: int) -> Sequence[Claimed]:
        """Where this is cancelled, what was claimed meanwhile is given back."""
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
            log.exception("%d events wait until their lease expires", len(events))
        finally:
            self._busy -= 1
            self._freed.set()
