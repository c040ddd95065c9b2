"""Members who pay for designs and courses, and what tests see of it."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import asyncpg

from support.limits import PROGRESS
from support.members import Backend, Member
from support.pods import ADMIN

PAYMENTS, PURCHASES = "/api/v1/payments", "/api/v1/purchases"
DESIGN = {
    "type": "design", "name": "Brass hinge", "price": 12.5, "currency": "USD", "active": True, "file": "brass.zip",
    "downloadLimit": 3,
}  # fmt: skip
COURSE = {"type": "course", "name": "Hinges for beginners", "price": 80, "currency": "USD", "active": True}
ALL_DESIGNS = {
    "type": "subscription", "name": "All designs", "price": 9, "currency": "USD", "active": True, "downloadLimit": 20,
    "period": {"unit": "month", "count": 1},
}  # fmt: skip
ENTITLEMENTS = """
SELECT e.starts_at, e.ends_at, e.download_limit, e.revoked_because, p.status, p.amount, p.currency
FROM entitlements e JOIN purchases p ON p.id = e.purchase_id WHERE e.user_id = $1 ORDER BY e.starts_at, e.id
"""
HISTORY = "SELECT action FROM payment_audit WHERE payment_id = $1::uuid ORDER BY id"


async def add_product(pod: Backend, body: dict[str, Any], **change: Any) -> str:
    status, answer = await pod.call("POST", "/admin/products", json={**body, **change}, headers=ADMIN)
    assert status == 201, answer
    product: str = answer["data"]["id"]
    return product


async def change_product(pod: Backend, product: str, **change: Any) -> None:
    status, answer = await pod.call("PATCH", f"/admin/products/{product}", json=change, headers=ADMIN)
    assert status == 200, answer


class Buyer(Member):
    """One user, who pays on our own page."""

    async def begin(self, product: str, kind: str = "design", *, status: int = 201, **headers: str) -> dict[str, Any]:
        """A payment, with the id of its PaymentIntent."""
        body = {"productType": kind, "productId": product}
        found, answer = await self.call("POST", PAYMENTS, body, **headers)
        assert found == status, answer
        data: dict[str, Any] = answer["data"]
        return {**data, "intent": data["clientSecret"].partition("_secret_")[0]}

    async def rejected(self, product: str, kind: str = "design") -> tuple[int, str]:
        status, answer = await self.call("POST", PAYMENTS, {"productType": kind, "productId": product})
        return status, answer["code"]

    async def access(self, product: str) -> str:
        """The reason, which says whether it is allowed."""
        _, answer = await self.call("GET", f"/api/v1/access/{product}")
        data = answer["data"]
        assert data["allowed"] == (data["reason"] in {"owned", "subscribed"})
        reason: str = data["reason"]
        return reason

    async def gets(self, product: str, reason: str) -> None:
        """Wait until the access to a product has that reason."""
        found = None
        try:
            async with asyncio.timeout(PROGRESS):
                while (found := await self.access(product)) != reason:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"access is {found}, not {reason}") from None

    async def purchases(self) -> list[dict[str, Any]]:
        _, answer = await self.call("GET", PURCHASES)
        items: list[dict[str, Any]] = answer["data"]["items"]
        return items


async def entitlements(conn: asyncpg.Connection, user: UUID) -> list[dict[str, Any]]:
    return [dict(row) for row in await conn.fetch(ENTITLEMENTS, user)]


async def history(conn: asyncpg.Connection, payment: str) -> list[str]:
    return [row["action"] for row in await conn.fetch(HISTORY, payment)]
