"""Statements that change many rows, some thousands in each transaction, so that none of them holds others up."""

from __future__ import annotations

from hingecraft.db.connection import Database

AT_ONCE = 5000


async def in_batches(database: Database, statement: str, *arguments: object) -> None:
    """Repeat the statement until it finds nothing more. Its last parameter is the most rows that it may change."""
    changed = AT_ONCE
    while changed == AT_ONCE:
        async with database.connection() as conn:
            status = await conn.execute(statement, *arguments, AT_ONCE)
        changed = int(status.rpartition(" ")[2])
