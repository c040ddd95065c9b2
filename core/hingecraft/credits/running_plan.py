"""The plan that a user has, as it was copied from Stripe."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from hingecraft.credits.model import PURPOSE
from hingecraft.db.connection import Connection
from hingecraft.members.subscriptions.model import RUNNING

SELLS = "SELECT EXISTS (SELECT FROM credit_prices WHERE price_id = ANY ($1::text[]))"
OFFERED = "SELECT price_id FROM credit_prices WHERE active AND kind = 'subscription' ORDER BY price_id"
# Of several that run by mistake, the one that is paid for, then the oldest.
PLAN = """
SELECT p.plan_type, s.price_id, s.status, s.current_period_end, s.cancel_at_period_end
FROM subscriptions s LEFT JOIN credit_prices p ON p.price_id = s.price_id
WHERE s.user_id = $1 AND s.livemode = $2 AND s.purpose = $3 AND s.status = ANY ($4::text[])
ORDER BY s.status NOT IN ('active', 'trialing'), s.created_at, s.id LIMIT 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A user's running plan. Its type is None if nobody has entered its price."""

    plan_type: str | None
    price_id: str | None
    status: str
    current_period_end: datetime | None
    cancel_at_period_end: bool


class Plans:
    """All credit plans are one family."""

    purpose = PURPOSE

    async def sells(self, conn: Connection, names: Collection[str]) -> bool:
        """Whether one of the prices is, or was, a plan's or a pack's."""
        return bool(await conn.fetchval(SELLS, list(names)))

    async def offered(self, conn: Connection) -> list[str]:
        """The prices of the plans that are sold now."""
        return [row["price_id"] for row in await conn.fetch(OFFERED)]


async def plan_of(conn: Connection, user_id: UUID, *, livemode: bool) -> Plan | None:
    """The user's running plan in that mode."""
    row = await conn.fetchrow(PLAN, user_id, livemode, PURPOSE, list(RUNNING))
    return Plan(**dict(row)) if row else None
