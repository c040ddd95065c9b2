"""The audit log: one row for each change, admin call and verified event. It has no personal data."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg

from hingecraft.db.connection import Connection, Database

APPEND = """
INSERT INTO payment_audit (actor, action, payment_id, request_id, details) VALUES ($1, $2, $3, $4, $5::jsonb)
"""
APPEND_ALL = """
INSERT INTO payment_audit (actor, action, payment_id, request_id, details)
SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::jsonb[])
"""
PAGE = """
SELECT id, created_at, actor, action, payment_id, request_id, details::text AS details FROM payment_audit
WHERE id < $1 ORDER BY id DESC LIMIT $2
"""
OF_PAYMENT = """
SELECT id, created_at, actor, action, payment_id, request_id, details::text AS details FROM payment_audit
WHERE payment_id = $1 ORDER BY id LIMIT $2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row that is to be written."""

    actor: str
    action: str
    request_id: str | None
    payment_id: UUID | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


async def append_all(conn: Connection, rows: Sequence[Row]) -> None:
    """Write rows in one statement, in the transaction of the changes that they explain."""
    if rows:
        await conn.execute(APPEND_ALL, *columns(rows))


def columns(rows: Sequence[Row]) -> list[list[Any]]:
    """The rows as arrays of actors, actions, payments, request ids and details, as statements take them."""
    return [
        [row.actor for row in rows],
        [row.action for row in rows],
        [row.payment_id for row in rows],
        [row.request_id for row in rows],
        [json.dumps(row.details) for row in rows],
    ]


async def append(
    conn: Connection,
    *,
    actor: str,
    action: str,
    request_id: str | None,
    payment_id: UUID | None = None,
    **details: Any,
) -> None:
    """Write one row, in the transaction of the change that it explains."""
    await conn.execute(APPEND, actor, action, payment_id, request_id, json.dumps(details))


async def append_rejected_call(database: Database, reason: str, request_id: str) -> None:
    """Record a call that was rejected before it had any effect; call this once per reason and minute."""
    async with database.connection() as conn:
        await append(conn, actor="unknown", action="refused", request_id=request_id, reason=reason)


async def page(conn: Connection, before: int, limit: int) -> list[dict[str, Any]]:
    """Rows older than one, newest first."""
    return [_row(row) for row in await conn.fetch(PAGE, before, limit)]


async def of_payment(conn: Connection, payment_id: UUID, limit: int) -> list[dict[str, Any]]:
    """The rows of one payment, in order."""
    return [_row(row) for row in await conn.fetch(OF_PAYMENT, payment_id, limit)]


def _row(row: asyncpg.Record) -> dict[str, Any]:
    return {**dict(row), "details": json.loads(row["details"])}
