"""Payments of the old software, as the old software writes them."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import asyncpg

from support.limits import PROGRESS
from support.money import all_processed
from support.pods import Running

OLD = "INSERT INTO payments (id, amount, currency, status, created_at) VALUES ($1, $2, $3, $4, now())"
SAY = "UPDATE payments SET status = $2 WHERE id = $1"
DUE_NOW = "UPDATE provider_events SET next_attempt_at = now() WHERE processed_at IS NULL"
WAITS = "SELECT error FROM provider_events WHERE processed_at IS NULL AND error LIKE '%has not marked it as paid'"


async def total(pod: Running) -> tuple[Any, Any]:
    """The public total and its count."""
    _, answer = await pod.call("GET", "/charter/total")
    return answer["data"]["total"], answer["data"]["count"]


async def said_paid_late(conn: asyncpg.Connection, payment: UUID) -> None:
    """The refund is told before the old software marks the payment as paid."""
    async with asyncio.timeout(PROGRESS):
        while not await conn.fetchval(WAITS):
            await asyncio.sleep(0.02)
    await conn.execute(SAY, payment, "paid")
    await conn.execute(DUE_NOW)
    await all_processed(conn)
