"""Coalescing: a single change causes a rebuild at once, ten in a row cause one more for all the others."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long to wait for quiet, how long at most, and how often to check without a notification. In seconds.

    With `leading`, the first change after a quiet time does not wait.
    """

    leading: bool = True
    quiet: float = 0.1
    longest: float = 1.0
    resync: float = 30.0


class Changes:
    """Changes that were noticed and not rebuilt yet."""

    def __init__(self) -> None:
        self._first: float | None = None
        self._last = self._before = float("-inf")
        self._noticed = asyncio.Event()

    def notice(self) -> None:
        """Something has changed, or may have."""
        now = asyncio.get_running_loop().time()
        if self._first is None:
            self._first, self._before = now, self._last
        self._last = now
        self._noticed.set()

    async def settled(self, timing: Timing) -> float:
        """Wait until there is a change, and then for quiet unless it comes after a quiet time.

        Returns when the first change was noticed, and forgets all of them before the rebuild begins: a change that
        comes during a rebuild causes another.
        """
        await self._noticed.wait()
        loop = asyncio.get_running_loop()
        first = self._first if self._first is not None else loop.time()
        if not (timing.leading and first - self._before > timing.quiet):
            while (pause := min(self._last + timing.quiet, first + timing.longest) - loop.time()) > 0:  # noqa: ASYNC110 - the end moves
                await asyncio.sleep(pause)
        self._first = None
        self._noticed.clear()
        return first
