"""Moments as Wix writes them, on the sandbox's movable clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from hingecraft_sandbox.providers.stripe.clock import Clock


def text_of(moment: float) -> str:
    """`2026-11-27T10:00:00.123Z`."""
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Moments:
    """The clock in milliseconds; each operation has a later moment than the one before, as its order depends on it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0.0

    def now(self) -> int:
        """The moved time in whole seconds."""
        return self._clock.now()

    def of_operation(self, at: float | None = None) -> str:
        """The moment of an operation that happens now, or happened at a time in the past."""
        wanted = self._clock.now() + time.time() % 1 if at is None else at
        is_same_second = 0 <= self._last - wanted < 1
        self._last = self._last + 0.001 if is_same_second else wanted
        return text_of(self._last)
