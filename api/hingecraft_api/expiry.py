"""How a pod deletes data that is kept for a short time only. Each feature says what it deletes, as one of its works."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable

from hingecraft.errors import DatabaseUnavailableError

log = logging.getLogger(__name__)

_EVERY = (60.0, 300.0)


async def keep_deleting(delete: Callable[[], Awaitable[None]]) -> None:
    """Call `delete` every one to five minutes. Every pod does; several at once are harmless."""
    while True:
        await asyncio.sleep(random.uniform(*_EVERY))  # noqa: S311 - jitter
        try:
            await delete()
        except DatabaseUnavailableError as error:
            log.warning("expired rows could not be deleted yet: %s", error)
