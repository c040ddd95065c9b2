"""Plans that are sold, renewed and changed at the sandbox, as their invoices show."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from hingecraft.settings import Secret
from support.discounts import enter_code
from support.limits import PROGRESS
from support.members import Member, pod_for_members
from support.money import all_processed, becomes
from support.pods import Running
from support.purchases import post
from support.sandbox import Sandbox

MONTH = (100, "basic_plan_monthly")
RENEWALS = (
    "SELECT id::text, amount, status, user_id, purpose FROM payments WHERE source = 'renewal' ORDER BY created_at"
)


@asynccontextmanager
async def pod_for_plans(dsn: Secret, sandbox: Sandbox) -> AsyncIterator[Running]:
    """A pod for members, and a sandbox that is empty before and after: its clock is among what it keeps."""
    await sandbox.ask("DELETE", "/_sandbox/book")
    async with pod_for_members(dsn, sandbox) as running:
        yield running
    await sandbox.ask("DELETE", "/_sandbox/book")


async def buy_plan(
    member: Member, sandbox: Sandbox, conn: asyncpg.Connection, price: str, code: str | None = None
) -> dict[str, Any]:
    """A plan whose first invoice is paid, with its subscription; with a promotion code if one is given."""
    bought = await member.buy(price)
    if code is not None:
        await enter_code(sandbox, bought["sessionId"], code)
    await sandbox.act(bought["sessionId"], "pay")
    await becomes(conn, bought["paymentId"], "completed")
    await all_processed(conn)
    session = await sandbox.stripe(f"checkout/sessions/{bought['sessionId']}")
    return {**bought, "subscription": session["subscription"]}


async def invoices(sandbox: Sandbox) -> list[dict[str, Any]]:
    """The newest first."""
    found: list[dict[str, Any]] = (await sandbox.stripe("invoices?limit=100"))["data"]
    return found


async def renewals(conn: asyncpg.Connection, number: int) -> list[asyncpg.Record]:
    """The payments of later invoices, once there are so many and every event is processed."""
    async with asyncio.timeout(PROGRESS):
        while len(found := await conn.fetch(RENEWALS)) < number:
            await asyncio.sleep(0.05)
    await all_processed(conn)
    return found


async def change_plan(sandbox: Sandbox, subscription: str, price: str) -> None:
    """A change that is billed at once, as in the portal."""
    (item,) = (await sandbox.stripe(f"subscriptions/{subscription}"))["items"]["data"]
    change = {"items[0][id]": item["id"], "items[0][price]": price, "proration_behavior": "always_invoice"}
    await post(sandbox, f"subscriptions/{subscription}", **change)
