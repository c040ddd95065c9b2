"""Retries calls to a provider after 1, 2 and 4 s while there is time, and keeps to its rate limit."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

PAUSES = (1.0, 2.0, 4.0)
# One attempt that hangs must leave time for another.
LONGEST_ATTEMPT = 5.0
# The time that the caller needs after the last attempt, to record the outcome.
_RESERVE = 0.5
_SHORTEST_ATTEMPT = 0.2

# Four digits are hours already: no payer waits for that.
_SECONDS = re.compile(r"[0-9]{1,4}")

_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Deadline:
    """The time by which the caller must have an answer, on the monotonic clock."""

    at: float

    @classmethod
    def within(cls, seconds: float) -> Deadline:
        """A deadline that many seconds from now."""
        return cls(time.monotonic() + seconds)

    def sooner(self, seconds: float) -> Deadline:
        """A deadline that many seconds from now, but not later than this one."""
        return Deadline(min(self.at, time.monotonic() + seconds))

    @property
    def remaining(self) -> float:
        """Seconds left; negative when it has passed."""
        return self.at - time.monotonic()


def seconds_in(retry_after: str) -> float | None:
    """The seconds in `Retry-After`, if they are plausible."""
    return float(retry_after) if _SECONDS.fullmatch(retry_after) else None


class TransientError(Exception):
    """An attempt failed, and another one may succeed."""

    def __init__(self, reason: str, *, maybe_done: bool, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.maybe_done = maybe_done
        self.retry_after = retry_after


class GivenUpError(Exception):
    """The last attempt there was time for has failed as well."""

    def __init__(self, reason: str, *, maybe_done: bool, attempts: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.maybe_done = maybe_done
        self.attempts = attempts


class TokenBucket:
    """A limit of calls per second, with a burst of the same size; early calls wait their turn."""

    def __init__(self, per_second: float) -> None:
        self._interval = 1 / per_second
        self._burst = 1.0
        self._next = 0.0

    async def take(self, deadline: Deadline) -> None:
        """Wait for a turn; raises an error if that would take longer than the deadline allows."""
        now = time.monotonic()
        turn = max(self._next, now - self._burst + self._interval)
        wait = turn - now
        if wait > deadline.remaining - _RESERVE:
            raise TransientError("our own limit for the provider is reached", maybe_done=False)
        self._next = turn + self._interval
        if wait > 0:
            await asyncio.sleep(wait)


async def patiently(
    attempt: Callable[[], Awaitable[_Result]], deadline: Deadline, bucket: TokenBucket | None = None
) -> _Result:
    """The result of the first attempt that succeeds, or its final error."""
    maybe_done = False
    for number in range(len(PAUSES) + 1):
        try:
            if bucket is not None:
                await bucket.take(deadline)
            return await _bounded(attempt, deadline)
        except TransientError as error:
            maybe_done = maybe_done or error.maybe_done
            pause = max(PAUSES[number], error.retry_after or 0.0) if number < len(PAUSES) else None
            if pause is None or deadline.remaining - _RESERVE - pause < _SHORTEST_ATTEMPT:
                raise GivenUpError(error.reason, maybe_done=maybe_done, attempts=number + 1) from error
            await asyncio.sleep(pause)
    raise AssertionError("the loop returns or raises")


async def _bounded(attempt: Callable[[], Awaitable[_Result]], deadline: Deadline) -> _Result:
    left = deadline.remaining - _RESERVE
    if left < _SHORTEST_ATTEMPT:
        raise TransientError("there is no time left to ask", maybe_done=False)
    allowed = min(LONGEST_ATTEMPT, left)
    try:
        async with asyncio.timeout(allowed):
            return await attempt()
    except TimeoutError:
        raise TransientError(f"no answer within {allowed:.1f} s", maybe_done=True) from None
