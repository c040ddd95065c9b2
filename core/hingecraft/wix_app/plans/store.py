"""The facts about plans, the plan that a site has by them, and the names of plans."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg

from hingecraft.db.connection import Connection
from hingecraft.wix_app.plans.model import Fact, PlanState

LOCK = "SELECT FROM wix_sites WHERE instance_id = $1 FOR UPDATE"
ADD = """
INSERT INTO wix_plan_facts (instance_id, fact_id, kind, happened_at, details) VALUES ($1, $2, $3, $4, $5::jsonb)
ON CONFLICT DO NOTHING RETURNING true
"""
FACTS = """
SELECT fact_id, kind, happened_at, details::text AS details, recorded_at FROM wix_plan_facts WHERE instance_id = $1
"""
NAMED = """
SELECT n.plan AS name, p.credits FROM wix_plan_names n JOIN wix_plans p USING (plan) WHERE n.name = lower($1)
"""
EXISTING_NAMES = "SELECT name FROM wix_plan_names WHERE name = ANY ($1)"
SAVE = """
UPDATE wix_sites SET plan = $2, product = $3, cycle = $4, invoice_id = $5, period_start = $6, period_end = $7,
    cancel_at_period_end = $8, access_ends_at = $9, payment_failed_at = $10
WHERE instance_id = $1
  AND (plan, product, cycle, invoice_id, period_start, period_end, cancel_at_period_end, access_ends_at,
       payment_failed_at)
      IS DISTINCT FROM ($2, $3, $4, $5, $6, $7, $8, $9, $10)
RETURNING true
"""
CHECKED = """
UPDATE wix_sites SET checked_at = greatest(checked_at, $2), owner_email = coalesce($3, owner_email)
WHERE instance_id = $1
"""
NAMES = """
SELECT n.name, n.plan, n.cycle, n.is_product, p.credits FROM wix_plan_names n JOIN wix_plans p USING (plan)
ORDER BY p.rank, n.is_product, n.name
"""
SET_PRODUCT = """
INSERT INTO wix_plan_names (name, plan, cycle, is_product)
SELECT lower($1), plan, $3, true FROM wix_plans WHERE plan = $2
ON CONFLICT (name) DO UPDATE SET plan = excluded.plan, cycle = excluded.cycle, is_product = true
RETURNING true
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A plan, and the credits of each billing period."""

    name: str
    credits: int


async def lock(conn: Connection, instance_id: UUID) -> None:
    """Keep other transactions from deriving this site's plan until this one ends."""
    await conn.execute(LOCK, instance_id)


async def add(conn: Connection, instance_id: UUID, fact: Fact) -> bool:
    """Keep a fact; False if it was told before."""
    details = json.dumps(fact.details)
    return bool(await conn.fetchval(ADD, instance_id, fact.fact_id, fact.kind, fact.happened_at, details))


async def facts(conn: Connection, instance_id: UUID) -> list[Fact]:
    """Everything that Wix has told about the site's plan."""
    return [
        Fact.stored(row["fact_id"], row["kind"], row["happened_at"], json.loads(row["details"]), row["recorded_at"])
        for row in await conn.fetch(FACTS, instance_id)
    ]


async def named(conn: Connection, name: str) -> Plan | None:
    """The plan that a name or a product id means; None for an unknown one."""
    row = await conn.fetchrow(NAMED, name)
    return Plan(**dict(row)) if row is not None else None


async def existing_names(conn: Connection, names: Sequence[str]) -> set[str]:
    """The names among these, in lower case, that mean a plan."""
    return {row["name"] for row in await conn.fetch(EXISTING_NAMES, names)}


async def save(conn: Connection, instance_id: UUID, plan: str, state: PlanState) -> bool:
    """Write the plan down; False if it is as it was."""
    period = state.period
    invoice = (period.invoice_id or period.answered_invoice) if period else None
    columns = (period.product, period.cycle, invoice, period.start, period.end) if period else (None,) * 5
    return bool(
        await conn.fetchval(
            SAVE,
            instance_id,
            plan,
            *columns,
            state.cancel_at_period_end,
            state.access_ends_at,
            state.payment_failed_at,
        )
    )


async def checked(conn: Connection, instance_id: UUID, at: object, email: str | None) -> None:
    """Record that Wix was asked about the site at that time, and the owner's address if Wix told it."""
    await conn.execute(CHECKED, instance_id, at, email)


async def names(conn: Connection) -> list[asyncpg.Record]:
    """All names, by plan."""
    return await conn.fetch(NAMES)


async def set_product(conn: Connection, product: str, plan: str, cycle: str | None) -> bool:
    """Name the plan of a product id; False if the plan does not exist."""
    return bool(await conn.fetchval(SET_PRODUCT, product, plan, cycle))
