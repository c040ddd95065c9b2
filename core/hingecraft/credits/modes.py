"""The mode of a database's credits. They begin in test or live mode, and going live removes what test mode has given.

The ledger has no mode, as it is read from other systems too. So it holds the credits of one mode: money of the other
is booked and changes no credits.
"""

from __future__ import annotations

import asyncio
import logging
from uuid import UUID

from hingecraft import audit
from hingecraft.credits import store
from hingecraft.credits.model import PURPOSE, Entry
from hingecraft.db.connection import Connection, Database
from hingecraft.errors import DatabaseUnavailableError

log = logging.getLogger(__name__)

READ = "SELECT credits_livemode FROM installation"
# Until the transaction ends, the credits do not go live. Without a mode nothing is held: two that hold the row and then
# write the mode would wait for each other.
HOLD = f"{READ} WHERE credits_livemode IS NOT NULL FOR SHARE"
CLAIM = """
UPDATE installation SET credits_livemode = $1 OR EXISTS (
    SELECT FROM payments WHERE user_id IS NOT NULL AND purpose = $2 AND livemode
)
WHERE credits_livemode IS NULL OR (NOT credits_livemode AND $1)
RETURNING credits_livemode
"""
GIVEN_IN_TEST_MODE = """
SELECT t.user_id, t.plan_type, sum(t.delta)::int AS credits
FROM (
    SELECT DISTINCT user_id FROM payments WHERE user_id IS NOT NULL AND purpose = $1 AND NOT livemode
) AS users
JOIN credits_transactions t USING (user_id)
JOIN payments p ON p.id = (t.metadata ->> 'payment')::uuid AND NOT p.livemode
GROUP BY t.user_id, t.plan_type ORDER BY t.user_id, t.plan_type
"""
BALANCES = "SELECT user_id, balance FROM credit_accounts WHERE user_id = ANY ($1::uuid[])"
# Seconds. Each sale and each grant asks too: this removes test credits before anybody spends them.
_EVERY = 300.0


async def claim(conn: Connection, *, livemode: bool) -> bool:
    """Begin the credits in this mode, or go live; returns whether they are live. Live credits stay live."""
    mode: bool | None = await conn.fetchval(READ)
    if mode is None or (livemode and not mode):
        mode = await conn.fetchval(CLAIM, livemode, PURPOSE)
        if mode is None:
            # Another process was faster.
            return bool(await conn.fetchval(HOLD))
        if mode:
            await _remove_test_credits(conn)
    return mode


async def counts(conn: Connection, *, livemode: bool) -> bool:
    """Whether money of this mode changes credits, until this transaction ends."""
    if not livemode and await conn.fetchval(HOLD) is False:
        return True
    return await claim(conn, livemode=livemode) is livemode


async def keep(database: Database, *, livemode: bool) -> None:
    """In every pod, with the mode of its key, until cancelled."""
    while True:
        try:
            async with database.transaction() as conn:
                live = await claim(conn, livemode=livemode)
        except DatabaseUnavailableError:
            pass
        else:
            if live and not livemode:
                log.error(
                    "this database holds live credits and STRIPE_SECRET is a test key: purchases of credits are "
                    "disabled. Set a live key, or use another database"
                )
        await asyncio.sleep(_EVERY)


async def _remove_test_credits(conn: Connection) -> None:
    """Take back what was given, then give back what was spent of it, so that nobody is left with a debt."""
    given = await conn.fetch(GIVEN_IN_TEST_MODE, PURPOSE)
    if not given:
        return
    accounts = await conn.fetch(BALANCES, [row["user_id"] for row in given])
    balances: dict[UUID, int] = {row["user_id"]: row["balance"] for row in accounts}
    removed = [_removed(row["user_id"], row["plan_type"], row["credits"]) for row in given if row["credits"]]
    for entry, written in zip(removed, await store.write(conn, removed), strict=True):
        balances[entry.user_id] = written.required().balance
    spent = [_given_back(user_id, -balance) for user_id, balance in balances.items() if balance < 0]
    for written in await store.write(conn, spent):
        written.required()
    await audit.append(conn, actor="credits", action="credits_went_live", request_id=None, users=len(balances))
    log.warning("the credits went live: the test-mode credits of %d users were removed", len(balances))


def _removed(user_id: UUID, plan_type: str | None, credits_: int) -> Entry:
    return Entry(
        user_id=user_id, delta=-credits_, ref=f"test:{user_id}/{plan_type}", reason="test_credits_removed",
        plan_type=plan_type, below_zero=True,
    )  # fmt: skip


def _given_back(user_id: UUID, credits_: int) -> Entry:
    return Entry(user_id=user_id, delta=credits_, ref=f"test:{user_id}/spent", reason="test_spends_removed")
