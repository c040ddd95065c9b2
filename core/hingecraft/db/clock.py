"""The clock of the database, which all processes share (decision 100)."""

from __future__ import annotations

from datetime import datetime

from hingecraft.db.connection import Connection

NOW = "SELECT clock_timestamp()"


async def moment(conn: Connection) -> datetime:
    """The current time."""
    found: datetime = await conn.fetchval(NOW)
    return found
