"""The credits of a plan's period, in the ledger `wix_credits` and in the account, which is the sum of its rows."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from hingecraft.db.connection import Connection
from hingecraft.wix_app.plans import moves
from hingecraft.wix_app.plans.model import PaidPeriod, PlanState

ACCOUNT = "SELECT * FROM wix_credit_accounts WHERE instance_id = $1 FOR UPDATE"
# A row that is there already changes nothing, and neither does one without an amount.
ADD = """
WITH written AS (
    INSERT INTO wix_credits (instance_id, kind, reference, allowance, credits_after)
    SELECT instance_id, $2, $3, $4, allowance + $4 + trial + bought FROM wix_credit_accounts
    WHERE instance_id = $1 AND $4 <> 0
    ON CONFLICT DO NOTHING RETURNING allowance
)
UPDATE wix_credit_accounts a SET allowance = a.allowance + w.allowance FROM written w WHERE a.instance_id = $1
"""
BEGIN = """
UPDATE wix_credit_accounts SET used = 0, taken_back = 0, period_start = $2, period_product = $3, period_cycle = $4,
    period_invoice = $5, period_seen_invoice = $6
WHERE instance_id = $1
"""
ADOPT = """
UPDATE wix_credit_accounts SET period_start = $2, period_invoice = $3, period_seen_invoice = $4 WHERE instance_id = $1
"""
# The money of a period may go back and come again more than once.
_NUMBERED = "$2 || '/' || (SELECT count(*) FROM wix_credits c WHERE c.instance_id = $1)"
TAKE_BACK = f"""
WITH account AS (SELECT * FROM wix_credit_accounts WHERE instance_id = $1 AND allowance > 0), written AS (
    INSERT INTO wix_credits (instance_id, kind, reference, allowance, credits_after)
    SELECT instance_id, 'taken_back', {_NUMBERED}, -allowance, trial + bought FROM account
)
UPDATE wix_credit_accounts a SET allowance = 0, taken_back = a.taken_back + account.allowance
FROM account WHERE a.instance_id = account.instance_id
"""
GIVE_BACK = f"""
WITH account AS (SELECT * FROM wix_credit_accounts WHERE instance_id = $1 AND taken_back > 0), written AS (
    INSERT INTO wix_credits (instance_id, kind, reference, allowance, credits_after)
    SELECT instance_id, 'given_back', {_NUMBERED}, taken_back, allowance + taken_back + trial + bought FROM account
)
UPDATE wix_credit_accounts a SET allowance = a.allowance + account.taken_back, taken_back = 0
FROM account WHERE a.instance_id = account.instance_id
"""
ENDS = "UPDATE wix_credit_accounts SET allowance_ends_at = $2 WHERE instance_id = $1"


async def follow(conn: Connection, instance_id: UUID, state: PlanState, granted: int) -> None:
    """Bring the account to the plan: a new period lets the old credits lapse and gives its own, once.

    The caller holds the lock of the site.
    """
    if state.period is not None:
        name = _name(state.period)
        others = await moves.elsewhere(conn, instance_id, state.period)
        await _follow_period(conn, instance_id, state.period, 0 if others else granted)
        await moves.bring(conn, instance_id, state, others, name)
        # Wix may tell any of the sites that the money went back.
        is_returned = state.is_returned or any(other.is_returned for other in others.values())
        for site in (instance_id, *others):
            await conn.execute(TAKE_BACK if is_returned else GIVE_BACK, site, name)
    await conn.execute(ENDS, instance_id, state.access_ends_at)


async def _follow_period(conn: Connection, instance_id: UUID, period: PaidPeriod, granted: int) -> None:
    account = await conn.fetchrow(ACCOUNT, instance_id)
    assert account is not None, "an account is created with its site"
    before = _period_of(account)
    if before is not None and period.is_same(before):
        await conn.execute(ADOPT, instance_id, period.start, period.invoice_id, period.answered_invoice)
        return
    await conn.execute(ADD, instance_id, "lapse", _name(period), -account["allowance"])
    await conn.execute(ADD, instance_id, "plan", _name(period), granted)
    await conn.execute(
        BEGIN, instance_id, period.start, period.product, period.cycle, period.invoice_id, period.answered_invoice
    )


def _period_of(account: asyncpg.Record) -> PaidPeriod | None:
    start: datetime | None = account["period_start"]
    if start is None:
        return None
    return PaidPeriod(
        product=account["period_product"],
        cycle=account["period_cycle"],
        start=start,
        end=None,
        invoice_id=account["period_invoice"],
        answered_invoice=account["period_seen_invoice"],
    )


def _name(period: PaidPeriod) -> str:
    """Names the period in the ledger."""
    invoice = period.invoice_id or period.answered_invoice or ""
    return f"{period.product}/{period.cycle}/{period.start.isoformat()}/{invoice}"
