"""Deletes short-lived data: answers under idempotency keys, donors' personal data, and used plan sessions."""

from __future__ import annotations

import asyncio
import logging
import random

from hingecraft.credits import plan_sessions
from hingecraft.db.connection import Database
from hingecraft.donations import prefills
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.idempotency import service as idempotency

log = logging.getLogger(__name__)

_EVERY = (60.0, 300.0)


async def delete_expired(database: Database) -> None:
    """Delete expired data from time to time. Runs in every pod; several at once are harmless."""
    while True:
        await asyncio.sleep(random.uniform(*_EVERY))  # noqa: S311 - jitter
        try:
            await delete_expired_now(database)
        except DatabaseUnavailableError as error:
            log.warning("expired rows could not be deleted yet: %s", error)


async def delete_expired_now(database: Database) -> None:
    """Delete all expired data, also after a flood of requests."""
    await prefills.erase_personal_data(database)
    await idempotency.purge(database)
    await plan_sessions.purge(database)
