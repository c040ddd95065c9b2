"""Members who subscribe to a plan at the sandbox, and reconciliations that look after it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from hingecraft.db.connection import Database
from hingecraft.members.subscriptions.steps import subscriptions_steps
from hingecraft.money.book import CurrencyBook
from hingecraft.payments.books import Books
from hingecraft.providers.registry import Providers
from hingecraft.purchases.steps import purchases_steps
from hingecraft.reconcile.service import Reconciler
from hingecraft.settings import Secret
from hingecraft.steps import Options, Summary, together
from hingecraft.systems import FAMILIES, PURPOSES, system_events
from support.limits import PROGRESS
from support.members import Member
from support.pods import settings_of
from support.sandbox import Sandbox

ONE = "SELECT * FROM subscriptions WHERE user_id = $1"


async def subscribe(member: Member, sandbox: Sandbox, price: str) -> str:
    """Buy a plan and pay it on the page; answers the subscription's id."""
    bought = await member.buy(price)
    await sandbox.act(bought["sessionId"], "pay")
    found: str = (await sandbox.stripe(f"checkout/sessions/{bought['sessionId']}"))["subscription"]
    return found


async def press(sandbox: Sandbox, subscription_id: str, act: str) -> None:
    """A button of the subscription's page."""
    await sandbox.ask("POST", f"/pay/stripe/subscription/{subscription_id}/{act}", allow_redirects=False)


async def copied(conn: asyncpg.Connection, member: Member, **wanted: Any) -> dict[str, Any]:
    """The member's row once it has these values."""
    row: dict[str, Any] = {}
    try:
        async with asyncio.timeout(PROGRESS):
            while not row or any(row[name] != value for name, value in wanted.items()):
                await asyncio.sleep(0.05)
                row = dict(await conn.fetchrow(ONE, member.id) or {})
    except TimeoutError:
        raise AssertionError(f"not {wanted} but {row}") from None
    return row


@asynccontextmanager
async def subscription_reconciler(dsn: Secret, **more: Any) -> AsyncIterator[Reconciler]:
    settings = settings_of(dsn, **more)
    database = Database(dsn, application="test-reconcile", largest=8)
    providers = Providers.from_settings(settings)
    try:
        yield Reconciler(
            database=database, providers=providers, currencies=CurrencyBook(database), books=Books(PURPOSES),
            retention_days=400, steps=together(
                [steps(database, providers.stripe, FAMILIES) for steps in (subscriptions_steps, purchases_steps)]
            ),
            others=system_events(database, providers),
        )  # fmt: skip
    finally:
        await providers.close()
        await database.close()


async def reconcile(dsn: Secret, sandbox: Sandbox, **options: Any) -> Summary:
    async with subscription_reconciler(dsn, **sandbox.settings) as each:
        return await each.run(Options(**options))
