"""Where a member's checkout stands, for the page that the member returns to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from hingecraft.credits.model import PURPOSE
from hingecraft.db.connection import Database
from hingecraft.errors import MissingError
from hingecraft.identity.errors import NotAuthorizedError
from hingecraft.payments.model import Status

# A restored backup may have lost which price it was.
STATE = """
SELECT p.user_id, p.status, c.plan_type, c.credits
FROM external_payments e
JOIN payments p ON p.id = e.payment_id AND p.purpose = $2
LEFT JOIN credit_prices c ON c.price_id = e.request #>> '{line_items,0,price}'
WHERE e.provider = 'stripe' AND e.provider_id = $1 AND e.kind = 'single'
"""
_S = Status
SHOWN: Mapping[Status, str] = {
    _S.CREATING: "open",
    _S.UNKNOWN: "open",
    _S.PENDING: "open",
    _S.AWAITING_CONFIRMATION: "open",
    _S.COMPLETED: "paid",
    _S.PARTIALLY_REFUNDED: "paid",
    _S.DISPUTED: "paid",
    _S.REFUNDED: "refunded",
    _S.EXPIRED: "expired",
    _S.FAILED: "failed",
    _S.ERROR: "error",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutState:
    """As its owner sees it."""

    status: str
    plan_type: str | None
    credits: int | None


async def state_of(database: Database, session_id: str, user_id: UUID) -> CheckoutState:
    """Raises MissingError for a session that no member has, and NotAuthorizedError for another member's."""
    async with database.connection() as conn:
        row = await conn.fetchrow(STATE, session_id, PURPOSE)
    if row is None:
        raise MissingError("unknown_session", "No checkout has this session id.")
    if row["user_id"] != user_id:
        raise NotAuthorizedError("This checkout belongs to another user.")
    return CheckoutState(status=SHOWN[Status(row["status"])], plan_type=row["plan_type"], credits=row["credits"])
