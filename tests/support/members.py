"""Members who buy packs and plans at the sandbox."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import asyncpg

from support.pods import Running
from support.sandbox import STRIPE_KEY, Sandbox
from support.tokens import bearer, token_for

CHECKOUT = "/api/v1/checkout-sessions"
PACK, PLAN = "QUICK_SCAN", "BASIC_MONTHLY"
STRIPE = {"Authorization": f"Bearer {STRIPE_KEY}"}
# The sandbox knows the prices under the ids that the migration gives them.
AMOUNTS = {
    "QUICK_SCAN": 500, "POWER_PACK": 2000, "PROFESSIONAL": 4500, "ENTERPRISE": 7000,
    "BASIC_MONTHLY": 900, "PRO_MONTHLY": 2900, "MAX_MONTHLY": 9900,
}  # fmt: skip


async def make_price(sandbox: Sandbox, amount: int = 500, **more: Any) -> str:
    """A price of a new product; `interval` makes it recurring."""
    interval = more.pop("interval", None)
    recurring = {"recurring[interval]": interval} if interval else {}
    form = {"currency": "usd", "unit_amount": str(amount), "product_data[name]": "Credits", **recurring, **more}
    made = await sandbox.ask("POST", "/v1/prices", data=form, headers=STRIPE)
    price: str = made["id"]
    return price


async def sell(conn: asyncpg.Connection, sandbox: Sandbox, *codes: str) -> dict[str, str]:
    """Prices at Stripe for these packs and plans, or all: each row gets the id of a new one."""
    made = {}
    for code in codes or AMOUNTS:
        interval = {"interval": "month"} if code.endswith("MONTHLY") else {}
        made[code] = await make_price(sandbox, AMOUNTS[code], **interval)
        await conn.execute(
            "UPDATE credit_prices SET price_id = $2, amount = NULL, currency = NULL WHERE code = $1 AND active",
            code, made[code],
        )  # fmt: skip
    return made


class Member:
    """One user, who calls with a token of their own."""

    def __init__(self, pod: Running, user: UUID | None = None, email: str | None = "ada@example.com") -> None:
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
