"""Spends in the ledger `wix_credits`; the function in the database keeps the account with it."""

from __future__ import annotations

from uuid import UUID

from hingecraft.db.connection import Connection
from hingecraft.wix_app.credits.model import Outcome

SPEND = "SELECT outcome, credits FROM hc_spend_wix_credits($1, $2, $3)"


async def spend(conn: Connection, instance_id: UUID, amount: int, reference: str) -> tuple[Outcome, int]:
    """Spend once for each reference; with the outcome come the credits that are left."""
    row = await conn.fetchrow(SPEND, instance_id, amount, reference)
    assert row is not None
    return Outcome(row["outcome"]), row["credits"]
