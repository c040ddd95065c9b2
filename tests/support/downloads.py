"""Designs, and the rows by which users may download them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from support.pods import Running
from support.tokens import bearer, token_for

SECRET = "the secret of downloads in these tests"
DOWNLOADS = "/api/v1/downloads"
PRODUCT = """
INSERT INTO products (type, name, price, currency, active, file, download_limit, period_unit, period_count)
VALUES ($1, $2, 5, 'USD', true, $3, $4, $5, $6) RETURNING id
"""
PAYMENT = """
INSERT INTO payments (id, amount, currency, status, provider, source, livemode, purpose, user_id)
VALUES (gen_random_uuid(), 5, 'USD', 'completed', 'stripe', 'purchase', $2, 'purchase', $1) RETURNING id
"""
PURCHASE = """
INSERT INTO purchases (user_id, livemode, product_id, payment_id, subscription_id, amount, currency, status, starts_at)
VALUES ($1, $2, $3, $4, $5, 5, 'USD', 'active', now()) RETURNING id
"""
ENTITLEMENT = """
INSERT INTO entitlements (purchase_id, user_id, payment_id, starts_at, ends_at, download_limit)
VALUES ($1, $2, $3, $4, $5, $6) RETURNING id
"""
SUBSCRIPTION = """
INSERT INTO subscriptions (id, user_id, livemode, customer_id, purpose, status, cancel_at_period_end, created_at,
                           asked_at)
VALUES ($1, $2, $3, 'cus_1', 'purchase', $4, $5, now(), now())
"""


class Shop:
    """Purchases of members, as events would have written them."""

    def __init__(self, conn: asyncpg.Connection, *, livemode: bool = False) -> None:
        self.conn = conn
        self._livemode = livemode

    async def design(self, file: str = "hinge.pdf", kind: str = "design") -> UUID:
        product: UUID = await self.conn.fetchval(PRODUCT, kind, f"A {kind}", file, None, None, None)
        return product

    async def subscription(self) -> UUID:
        product: UUID = await self.conn.fetchval(PRODUCT, "subscription", "All designs", None, 20, "month", 1)
        return product

    async def buys(
        self,
        user: UUID,
        product: UUID,
        *,
        limit: int | None = None,
        ends: timedelta | None = None,
        livemode: bool | None = None,
    ) -> UUID:
        """One payment; answers the entitlement."""
        mode = self._livemode if livemode is None else livemode
        payment = await self.conn.fetchval(PAYMENT, user, mode)
        purchase = await self.conn.fetchval(PURCHASE, user, mode, product, payment, None)
        return await self._entitles(purchase, user, payment, limit, timedelta(), ends)

    async def subscribes(
        self,
        user: UUID,
        product: UUID,
        *periods: tuple[timedelta, timedelta],
        limit: int | None = None,
        status: str = "active",
        cancels: bool = False,
    ) -> list[UUID]:
        """A subscription with these paid periods, from and to as seen from now; answers their entitlements."""
        name = f"sub_{uuid4().hex}"
        await self.conn.execute(SUBSCRIPTION, name, user, self._livemode, status, cancels)
        first = await self.conn.fetchval(PAYMENT, user, self._livemode)
        purchase = await self.conn.fetchval(PURCHASE, user, self._livemode, product, first, name)
        made = []
        for number, (starts, ends) in enumerate(periods):
            payment = first if number == 0 else await self.conn.fetchval(PAYMENT, user, self._livemode)
            made.append(await self._entitles(purchase, user, payment, limit, starts, ends))
        return made

    async def _entitles(
        self,
        purchase: UUID,
        user: UUID,
        payment: UUID,
        limit: int | None,
        starts: timedelta,
        ends: timedelta | None,
    ) -> UUID:
        now = datetime.now(UTC)
        until = now + ends if ends is not None else None
        begun = now + starts - timedelta(seconds=1)
        entitlement: UUID = await self.conn.fetchval(ENTITLEMENT, purchase, user, payment, begun, until, limit)
        return entitlement

    async def revoke(self, entitlement: UUID, reason: str | None) -> None:
        await self.conn.execute(
            "UPDATE entitlements SET revoked_because = $2::text, "
            "revoked_at = CASE WHEN $2::text IS NOT NULL THEN now() END WHERE id = $1", entitlement, reason,
        )  # fmt: skip

    async def used(self, entitlement: UUID) -> int:
        used: int = await self.conn.fetchval("SELECT downloads_used FROM entitlements WHERE id = $1", entitlement)
        return used

    async def granted(self) -> int:
        granted: int = await self.conn.fetchval("SELECT count(*) FROM downloads")
        return granted


async def ask(pod: Running, user: UUID, design: UUID) -> tuple[int, dict[str, Any]]:
    """The status, and the data or the error."""
    status, answer = await pod.call("GET", f"{DOWNLOADS}/{design}", headers=bearer(token_for(str(user))))
    return status, answer.get("data", answer)
