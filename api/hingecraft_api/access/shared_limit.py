"""Rate limits that all pods share through Valkey. If Valkey is down, only each pod's own limit applies."""

from __future__ import annotations

import asyncio
import logging
import math
import time

from valkey.asyncio import Valkey
from valkey.exceptions import ValkeyError

log = logging.getLogger(__name__)

_ANSWER_WITHIN = 0.1
# If the store is down, it is not asked again at once: every request would wait for it.
_LEFT_ALONE_FOR = 1.0
_MINUTE_MS = 60_000

# The same GCRA as rate_limit.py, by the store's own clock, so that the pods' clocks do not matter.
_GCRA = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local interval, tolerance = tonumber(ARGV[1]), tonumber(ARGV[2])
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
if due - now > tolerance then return due - now - tolerance end
redis.call('SET', KEYS[1], due + interval, 'PX', math.ceil(due + interval - now) + 1000)
return 0
"""


class SharedLimit:
    """Counts calls in a store that all pods share."""

    def __init__(self, url: str) -> None:
        self._client = Valkey.from_url(
            url, socket_timeout=_ANSWER_WITHIN, socket_connect_timeout=_ANSWER_WITHIN, single_connection_client=False
        )
        self._ask = self._client.register_script(_GCRA)
        self._left_alone_until = 0.0

    async def retry_after(self, limit: str, key: str, per_minute: int) -> int:
        """0 if the store allows the request or is down, otherwise the whole seconds to wait."""
        if time.monotonic() < self._left_alone_until:
            return 0
        interval = _MINUTE_MS / per_minute
        try:
            async with asyncio.timeout(_ANSWER_WITHIN):
                wait = await self._ask(keys=[f"hc:limit:{limit}:{key}"], args=[interval, _MINUTE_MS - interval])
        except (ValkeyError, OSError, TimeoutError) as error:
            self._left_alone_until = time.monotonic() + _LEFT_ALONE_FOR
            log.warning(
                "the shared rate limit is unavailable, each pod now counts for itself: %s", type(error).__name__
            )
            return 0
        return math.ceil(int(wait) / 1000)

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()
