"""Spends the credits of a site."""

from __future__ import annotations

from uuid import UUID

from hingecraft.db.connection import Database
from hingecraft.wix_app.credits import store
from hingecraft.wix_app.credits.model import required


async def spend(database: Database, instance_id: UUID, amount: int, reference: str) -> int:
    """The credits that are left; a repeat of the reference gets the first answer.

    Raises NotEnoughCreditsError, which leaves the reference free, or ReferenceTakenError.
    """
    async with database.connection() as conn:
        outcome, left = await store.spend(conn, instance_id, amount, reference)
    return required(outcome, left)
