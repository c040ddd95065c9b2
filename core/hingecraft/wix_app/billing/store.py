"""The tables `wix_plans` and `wix_plan_names`, and the plan that a site pays for."""

from __future__ import annotations

from uuid import UUID

import asyncpg

from hingecraft.db.connection import Connection
from hingecraft.wix_app.billing.model import Plan

PLANS = "SELECT plan AS name, credits, rank FROM wix_plans ORDER BY rank"
# A product may be of one cycle only. Until somebody has written down a product id of Wix's, it is the plan's own name.
PRODUCT = """
SELECT name FROM wix_plan_names WHERE plan = $1 AND is_product AND (cycle = $2 OR cycle IS NULL)
ORDER BY cycle NULLS LAST, name LIMIT 1
"""
MEANT = "SELECT plan, cycle FROM wix_plan_names WHERE name = lower($1)"
PAID = """
SELECT plan, cycle, cancel_at_period_end FROM wix_sites
WHERE instance_id = $1 AND plan <> 'free' AND coalesce(access_ends_at > now(), true)
"""


async def plans(conn: Connection) -> list[Plan]:
    """All plans, the free one first."""
    return [Plan(**dict(row)) for row in await conn.fetch(PLANS)]


async def product(conn: Connection, plan: str, cycle: str) -> str:
    """The id of a plan in Wix's dashboard for developers, when it is paid in that cycle."""
    return await conn.fetchval(PRODUCT, plan, cycle) or plan


async def meant(conn: Connection, name: str) -> asyncpg.Record | None:
    """The plan that a caller's name means, and the cycle that the name implies; None for an unknown name."""
    return await conn.fetchrow(MEANT, name)


async def paid(conn: Connection, instance_id: UUID) -> asyncpg.Record | None:
    """The plan that a site pays for, its cycle, and whether it is cancelled; None: it pays for none."""
    return await conn.fetchrow(PAID, instance_id)
