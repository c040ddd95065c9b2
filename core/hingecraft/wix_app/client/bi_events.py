"""Reports to Wix what owners do, in the background: no call waits for it, and a failure is only logged."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from uuid import UUID

from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderRejectedError, ProviderUnknownError
from hingecraft.wix_app.client.client import BiEvent, WixClient

log = logging.getLogger(__name__)

# In seconds: a page that polls would report the same event again and again.
_AGAIN_AFTER = 3600.0
_WITHIN = 10.0
# Events beyond this number at once are dropped: they are only statistics.
_MOST_AT_ONCE = 50
_MOST_REMEMBERED = 20_000


class BiEvents:
    """Each event of a site is sent once an hour at most; none at all where the setting is off."""

    def __init__(self, client: WixClient | None, *, enabled: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client if enabled else None
        self._clock = clock
        self._sent: OrderedDict[tuple[UUID, BiEvent], float] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def tell(self, instance_id: UUID, event: BiEvent) -> None:
        """Begin to send it."""
        if self._client is None or len(self._tasks) >= _MOST_AT_ONCE or not self._is_news(instance_id, event):
            return
        task = asyncio.create_task(self._send(self._client, instance_id, event))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Drop what is not sent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _is_news(self, instance_id: UUID, event: BiEvent) -> bool:
        now = self._clock()
        if now - self._sent.get((instance_id, event), -_AGAIN_AFTER) < _AGAIN_AFTER:
            return False
        self._sent[instance_id, event] = now
        self._sent.move_to_end((instance_id, event))
        if len(self._sent) > _MOST_REMEMBERED:
            self._sent.popitem(last=False)
        return True

    async def _send(self, client: WixClient, instance_id: UUID, event: BiEvent) -> None:
        try:
            await client.send(instance_id, event, Deadline.within(_WITHIN))
        except (ProviderRejectedError, ProviderUnknownError) as error:
            log.warning("Wix did not take %s of %s: %s", event, instance_id, error)
