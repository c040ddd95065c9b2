"""Kills a process right after one of its steps, from outside: what asked for it never sees its answer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """A step, and how often it was taken by then."""

    step: str
    times: int

    def __str__(self) -> str:
        return f"{self.step[:90]} ({self.times})"


class Killing:
    """Sees the steps of a process between `watch` and `rest`."""

    def __init__(self, kill: Callable[[], None]) -> None:
        self._kill = kill
        self.killed = asyncio.Event()
        self.rest()

    def rest(self) -> None:
        self._watching = False
        self._place: Place | int | None = None

    def watch(self, place: Place | int | None = None) -> None:
        """Kill the process at that place, or after so many steps; without it, only note the steps."""
        self.places: list[Place] = []
        self._counts: Counter[str] = Counter()
        self.killed.clear()
        self._place, self._watching = place, True

    async def after(self, step: str) -> None:
        """For the taps."""
        if not self._watching:
            return
        self._counts[step] += 1
        place = Place(step, self._counts[step])
        self.places.append(place)
        if self._place in {place, len(self.places)}:
            self._watching = False
            self._kill()
            self.killed.set()
            raise ConnectionAbortedError(f"the process was killed after {place}")
