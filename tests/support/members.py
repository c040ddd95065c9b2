"""Members who buy packs and plans at the sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID, uuid4

import asyncpg

from hingecraft.settings import Secret
from hingecraft.stats.service import Statistics
from hingecraft.steps import Options, Run, Steps, Summary
from hingecraft_api.features.stats import shown_in
from hingecraft_sandbox.postgres import free_port
from support.pods import Running, running_pod
from support.sandbox import STRIPE_KEY, Sandbox
from support.tokens import SETTINGS, bearer, token_for

CHECKOUT = "/api/v1/checkout-sessions"
PACK, PLAN = "QUICK_SCAN", "BASIC_MONTHLY"
STRIPE = {"Authorization": f"Bearer {STRIPE_KEY}"}
# The sandbox knows the prices under the ids that the migration gives them.
AMOUNTS = {
    "QUICK_SCAN": 500, "POWER_PACK": 2000, "PROFESSIONAL": 4500, "ENTERPRISE": 7000,
    "BASIC_MONTHLY": 900, "PRO_MONTHLY": 2900, "MAX_MONTHLY": 9900,
}  # fmt: skip


@asynccontextmanager
async def pod_for_members(dsn: Secret, sandbox: Sandbox, **more: Any) -> AsyncIterator[Running]:
    """A pod that accepts members' tokens and gets the sandbox's events."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    await sandbox.tells(address)
    settings = {**sandbox.settings, **SETTINGS, "port": port, "public_url": address, **more}
    async with running_pod(dsn, **settings) as running:
        yield running


@asynccontextmanager
async def idle_pod_for_members(dsn: Secret, sandbox: Sandbox) -> AsyncIterator[Running]:
    """A pod that works only when it is told to, and a sandbox that sends no events and is empty before and after."""
    await sandbox.ask("DELETE", "/_sandbox/book")
    await sandbox.tells("http://127.0.0.1:9")
    async with running_pod(dsn, background=False, **sandbox.settings, **SETTINGS) as running:
        yield running
    await sandbox.ask("DELETE", "/_sandbox/book")


async def make_price(sandbox: Sandbox, amount: int | None = 500, *, interval: str | None = None) -> str:
    """A price of a new product; without an amount the payer chooses it."""
    recurring = {"recurring[interval]": interval} if interval else {}
    cost = {"unit_amount": str(amount)} if amount is not None else {"custom_unit_amount[enabled]": "true"}
    form = {"currency": "usd", "product_data[name]": "Credits", **cost, **recurring}
    made = await sandbox.ask("POST", "/v1/prices", data=form, headers=STRIPE)
    price: str = made["id"]
    return price


async def sell(conn: asyncpg.Connection, sandbox: Sandbox, *codes: str) -> dict[str, str]:
    """Prices at Stripe for these packs and plans, or all: each row gets the id of a new one."""
    made = {}
    for code in codes or AMOUNTS:
        interval = "month" if code.endswith("MONTHLY") else None
        made[code] = await make_price(sandbox, AMOUNTS[code], interval=interval)
        await conn.execute(
            "UPDATE credit_prices SET price_id = $2, amount = NULL, currency = NULL WHERE code = $1 AND active",
            code, made[code],
        )  # fmt: skip
    return made


async def reconciled(steps: Steps) -> Summary:
    """Run one system's steps of a reconciliation."""
    run = Run(options=Options(), summary=Summary(), started=datetime.now(UTC), providers=("stripe",))
    for step in (*steps.before_events, *steps.after_checks):
        await step(run)
    return run.summary


async def show_statistics(pod: Running) -> None:
    """Update a pod's figures of members' payments, as it does each minute."""
    shown_in(pod.pod.metrics.statistics)(await pod.pod.parts[Statistics].recent())


class Backend(Protocol):
    """The pod or pods that are called: one in this process, or those of a stage, as processes."""

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, dict[str, Any]]: ...


class Member:
    """One user, who calls with a token of their own."""

    def __init__(self, pod: Backend, user: UUID | None = None, email: str | None = "ada@example.com") -> None:
        self.pod = pod
        self.id = user or uuid4()
        self.headers = bearer(token_for(str(self.id), email=email))

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, dict[str, Any]]:
        sent = {"json": body} if body is not None else {}
        return await self.pod.call(method, path, headers={**self.headers, **headers}, **sent)

    async def buy(self, price: str, **more: Any) -> dict[str, Any]:
        """A checkout of a pack or plan."""
        status, answer = await self.call("POST", CHECKOUT, {"priceId": price, **more})
        assert status == 201, answer
        data: dict[str, Any] = answer["data"]
        return data
