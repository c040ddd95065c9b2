"""Stops asking a provider that does not answer: its events stay unclaimed until one question is answered."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

# A question that hangs takes about 18 s.
OPENS_AFTER = 3
TRIES_EVERY = 15.0


class Breaker:
    """Stops questions to one provider that does not answer, in one process."""

    def __init__(self, provider: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._provider = provider
        self._clock = clock
        self._failures = 0
        self._try_at = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the provider is only probed, by one question at a time."""
        return self._failures >= OPENS_AFTER

    def room(self, places: int, busy: int) -> int:
        """How many questions may start now, while `busy` of the places are in use."""
        if not self.is_open:
            return places - busy
        return 1 if busy == 0 and self._clock() >= self._try_at else 0

    def answered(self) -> None:
        """The provider answered; an error counts as an answer."""
        if self.is_open:
            log.info("%s answers again", self._provider)
        self._failures = 0

    def failed(self) -> None:
        """The provider did not answer."""
        self._failures += 1
        self._try_at = self._clock() + TRIES_EVERY
        if self._failures == OPENS_AFTER:
            log.warning(
                "%s has failed to answer %d times in a row: pausing its events, retrying every %d s",
                self._provider, OPENS_AFTER, TRIES_EVERY,
            )  # fmt: skip
