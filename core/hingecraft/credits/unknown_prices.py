"""Events that wait for a price which `credit_prices` lacks: counted, and tried again as soon as the row exists."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hingecraft.credits import grant_store
from hingecraft.credits.grants import UNKNOWN_PRICE
from hingecraft.db.connection import Connection, Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.inbox import store as inbox

# Seconds: what waits is granted within a minute after the row exists.
_EVERY = 15.0


async def retry_known(conn: Connection) -> int:
    """Make the events due whose price is known by now; returns how many prices are still unknown."""
    errors = {_price_in(error): error for error in await inbox.waiting_by_error(conn, UNKNOWN_PRICE)}
    known = await grant_store.offers(conn, errors)
    if known:
        await inbox.retry_now(conn, [errors[price] for price in known])
    return len(errors) - len(known)


def _price_in(error: str) -> str:
    return error.removeprefix(UNKNOWN_PRICE).partition(":")[0]


async def watch(database: Database, show: Callable[[int], None]) -> None:
    """Retry and count from time to time, until cancelled."""
    while True:
        try:
            async with database.connection() as conn:
                show(await retry_known(conn))
        except DatabaseUnavailableError:
            pass
        await asyncio.sleep(_EVERY)
