"""What is written into the trail without belonging to another change."""

from __future__ import annotations

from hingecraft.db.connection import Database
from hingecraft.payments import audit


async def note_refusal(database: Database, reason: str, request_id: str) -> None:
    """Somebody was refused before touching anything; the caller says this once for each reason and minute."""
    async with database.connection() as conn:
        await audit.append(conn, actor="unknown", action="refused", request_id=request_id, reason=reason)
