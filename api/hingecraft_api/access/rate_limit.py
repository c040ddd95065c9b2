"""Rate limits by GCRA: one number for each visitor says when its next request is due.

Written here because it stands on the hot path of `GET /routes`: it costs less than a microsecond,
where the libraries for it cost twenty and more (docs/decisions/0003).
"""

from __future__ import annotations

import math

_FULL = 100_000
_MINUTE = 60.0


class RateLimit:
    """A number of requests per minute for each key, all at once or spread out."""

    def __init__(self, per_minute: int) -> None:
        self._interval = _MINUTE / per_minute
        self._tolerance = _MINUTE - self._interval
        # No request makes the next one due later than in a minute, so a key that is due later was counted before the
        # clock was set back. It is treated as new: otherwise it would be rejected until the clock has caught up.
        self._furthest = _MINUTE + 1
        self._due: dict[str, float] = {}

    def retry_after(self, key: str, now: float) -> int:
        """0 if the request is allowed, otherwise the whole seconds to wait."""
        due = self._due.get(key)
        if due is None or due < now:
            due = now
        elif due - now > self._tolerance:
            if due - now <= self._furthest:
                return max(1, math.ceil(due - now - self._tolerance))
            due = now
        self._due[key] = due + self._interval
        if len(self._due) > _FULL:
            self._forget(now)
        return 0

    def is_reached(self, key: str, now: float) -> bool:
        """Whether the next request would be rejected; counts nothing."""
        return self._tolerance < self._due.get(key, now) - now <= self._furthest

    def _forget(self, now: float) -> None:
        """A key whose next request is due is as if it had never come; a flood of new keys pushes out the oldest."""
        self._due = {key: due for key, due in self._due.items() if due > now}
        if len(self._due) > _FULL:
            self._due = dict(list(self._due.items())[_FULL // 2 :])
