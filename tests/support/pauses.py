"""The pauses between two looks at a condition that a test waits for."""

from __future__ import annotations

import asyncio
import time

# Seconds.
_SHORTEST, _LONGEST = 0.02, 0.2
_SHARE = 0.1


class Pauses:
    """Each is a tenth of the time waited so far: what comes soon is seen at once, and a long wait takes little CPU."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    async def next(self) -> None:
        """Sleep for the next pause."""
        waited = time.monotonic() - self._began
        await asyncio.sleep(min(max(_SHORTEST, waited * _SHARE), _LONGEST))
