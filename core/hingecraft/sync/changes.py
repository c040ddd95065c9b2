"""Coalescing: a dirty flag with a clock, so that ten changes one after the other cause one rebuild."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long to wait for quiet, how long at most, and how often to look without being told. In seconds."""

    quiet: float = 0.1
    longest: float = 1.0
    resync: float = 30.0


class Changes:
    """What has been noticed and not yet been answered by a rebuild."""

    def __init__(self) -> None:
        self._first: float | None = None
        self._last = 0.0
        self._noticed = asyncio.Event()

    def notice(self) -> None:
        """Something has changed, or may have."""
        self._last = asyncio.get_running_loop().time()
        if self._first is None:
            self._first = self._last
        self._noticed.set()

    async def settled(self, timing: Timing) -> float:
        """Wait until there is a change and then quiet; answers when the first was noticed, and forgets them all.

        Forgetting happens before the rebuild begins, so that what comes during a rebuild causes another.
        """
        await self._noticed.wait()
        loop = asyncio.get_running_loop()
        first = self._first if self._first is not None else loop.time()
        while (pause := min(self._last + timing.quiet, first + timing.longest) - loop.time()) > 0:  # noqa: ASYNC110 - the end moves
            await asyncio.sleep(pause)
        self._first = None
        self._noticed.clear()
        return first
