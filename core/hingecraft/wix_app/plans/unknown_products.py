"""Events that wait for a product of Wix to be known: counted, and tried again as soon as `wix_plan_names` has it."""

from __future__ import annotations

from hingecraft.db.connection import Connection
from hingecraft.inbox import store as inbox
from hingecraft.wix_app.plans import store
from hingecraft.wix_app.plans.service import UNKNOWN_PRODUCT


async def retry_known(conn: Connection) -> int:
    """Make the events due whose product is known by now; returns how many products are still unknown."""
    waiting = {
        error.removeprefix(UNKNOWN_PRODUCT).partition(":")[0].lower(): error
        for error in await inbox.waiting_by_error(conn, UNKNOWN_PRODUCT)
    }
    known = await store.existing_names(conn, list(waiting))
    if known:
        await inbox.retry_now(conn, [waiting[product] for product in known])
    return len(waiting) - len(known)
