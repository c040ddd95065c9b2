"""The audit trail: one row for each change of ours, each admin act, each verified event. Nothing personal in it."""

from __future__ import annotations

import json
from typing import Any

from hingecraft.db.connection import Connection

APPEND = "INSERT INTO payment_audit (actor, action, request_id, details) VALUES ($1, $2, $3, $4::jsonb)"


async def append(conn: Connection, *, actor: str, action: str, request_id: str | None, **details: Any) -> None:
    """Write one row, in the transaction of the change that it explains."""
    await conn.execute(APPEND, actor, action, request_id, json.dumps(details))
