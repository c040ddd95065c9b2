"""A plan that moves to another site takes the rest of its period's credits along: one invoice pays one allowance."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from hingecraft.db.connection import Connection
from hingecraft.wix_app.plans import store
from hingecraft.wix_app.plans.model import PaidPeriod, PlanState, state_of

# Two sites whose events name one invoice take turns, or both would be given its credits.
TURNS = """
SELECT pg_advisory_xact_lock(hashtextextended('invoice of Wix ' || name, 0))
FROM (SELECT name FROM unnest($1::text[]) AS name ORDER BY name) AS names
"""
ELSEWHERE = """
SELECT instance_id FROM wix_credit_accounts
WHERE instance_id <> $1 AND period_product = $2 AND period_cycle = $3
    AND (period_invoice = ANY ($4) OR period_seen_invoice = ANY ($4))
ORDER BY instance_id FOR UPDATE
"""
MOVE = """
WITH changes AS (
    SELECT s.site, s.sign * rest.allowance AS added
    FROM (SELECT allowance FROM wix_credit_accounts WHERE instance_id = $1 AND allowance > 0) AS rest
    CROSS JOIN (VALUES ($1::uuid, -1), ($2::uuid, 1)) AS s (site, sign)
), written AS (
    INSERT INTO wix_credits (instance_id, kind, reference, allowance, credits_after)
    SELECT a.instance_id, 'moved',
           $3 || '/' || (SELECT count(*) FROM wix_credits w WHERE w.instance_id = a.instance_id),
           c.added, a.allowance + c.added + a.trial + a.bought
    FROM changes c JOIN wix_credit_accounts a ON a.instance_id = c.site
)
UPDATE wix_credit_accounts a SET allowance = a.allowance + c.added FROM changes c WHERE a.instance_id = c.site
"""


async def elsewhere(conn: Connection, instance_id: UUID, period: PaidPeriod) -> dict[UUID, PlanState]:
    """The plans of other sites that were given credits of this invoice.

    Nobody else gives or moves them until the transaction ends.
    """
    invoices = sorted(period.invoices)
    await conn.execute(TURNS, invoices)
    rows = await conn.fetch(ELSEWHERE, instance_id, period.product, period.cycle, invoices)
    sites: list[UUID] = [row["instance_id"] for row in rows]
    return {site: state_of(await store.facts(conn, site)) for site in sites}


async def bring(
    conn: Connection, instance_id: UUID, state: PlanState, others: Mapping[UUID, PlanState], name: str
) -> None:
    """Take what is left at sites that had the plan before this one. `name` names the period in the ledger."""
    for other, theirs in others.items():
        if theirs.held_since is not None and state.held_since is not None and theirs.held_since < state.held_since:
            await conn.execute(MOVE, other, instance_id, name)
