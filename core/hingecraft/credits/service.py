"""What may be read of a user's credits, and what an admin changes."""

from __future__ import annotations

from uuid import UUID

from hingecraft import audit
from hingecraft.credits import store
from hingecraft.credits.model import Balance, Entry, Outcome, Transaction, Written
from hingecraft.db.connection import Database


async def balance(database: Database, user_id: UUID) -> Balance:
    """The account as it is now."""
    async with database.connection() as conn:
        return await store.balance(conn, user_id)


async def transactions(database: Database, user_id: UUID, before: int, limit: int) -> list[Transaction]:
    """Rows of the ledger older than one, newest first."""
    async with database.connection() as conn:
        return await store.page(conn, user_id, before, limit)


async def adjust(database: Database, entry: Entry, *, actor: str, request_id: str) -> Written:
    """Write an admin's entry with its audit row, once for each reference; a repeat gives the first answer."""
    async with database.transaction() as conn:
        (written,) = await store.write(conn, [entry])
        written.required()
        if written.outcome is not Outcome.REPEATED:
            await audit.append(
                conn,
                actor=actor,
                action="credits_adjusted",
                request_id=request_id,
                user=str(entry.user_id),
                delta=entry.delta,
                balance=written.balance,
                transaction=written.transaction_id,
                reason=entry.reason,
            )
    return written
