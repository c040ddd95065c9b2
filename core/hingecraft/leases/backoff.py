"""How long to wait before the next attempt. Pure."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

_JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses in seconds, one after each failed attempt; the last one is for all attempts after that.

    Each is up to a fifth longer or shorter, so that items that failed together are not retried at the same moment.
    """

    pauses: tuple[float, ...]

    def after(self, attempts: int) -> timedelta:
        """How long to wait after that many failed attempts."""
        pause = self.pauses[min(max(attempts, 1), len(self.pauses)) - 1]
        return timedelta(seconds=between(pause * (1 - _JITTER), pause * (1 + _JITTER)))


def between(shortest: float, longest: float) -> float:
    """A random pause between the two, in seconds, so that processes that started together do not stay in step."""
    return random.uniform(shortest, longest)  # noqa: S311 - jitter, no secret
