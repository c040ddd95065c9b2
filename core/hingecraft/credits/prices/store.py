"""The table `credit_prices`."""

from __future__ import annotations

import asyncpg

from hingecraft.credits.prices.model import Cost, CreditPrice
from hingecraft.db.connection import Connection

_COLUMNS = "price_id, code, kind, credits, plan_type, reason, amount, currency, active"
ALL = f"SELECT {_COLUMNS} FROM credit_prices ORDER BY active DESC, kind, credits, price_id"
ACTIVE = f"SELECT {_COLUMNS} FROM credit_prices WHERE active ORDER BY kind, credits, price_id"
ONE = f"SELECT {_COLUMNS} FROM credit_prices WHERE price_id = $1"
ACTIVE_OF = f"SELECT {_COLUMNS} FROM credit_prices WHERE code = $1 AND active FOR UPDATE"
RETIRE = "UPDATE credit_prices SET active = false WHERE code = $1 AND active AND price_id <> $2"
PUT = """
INSERT INTO credit_prices (price_id, code, kind, credits, plan_type, reason) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (price_id) DO UPDATE SET credits = excluded.credits, active = true
"""
SET_COST = """
UPDATE credit_prices SET amount = CASE WHEN $4 THEN $2::numeric END, currency = CASE WHEN $4 THEN $3::text END,
    unit_amount = coalesce($2, unit_amount), unit_currency = coalesce($3, unit_currency)
WHERE price_id = $1
"""
UNREAD = f"SELECT {_COLUMNS} FROM credit_prices WHERE NOT active AND unit_amount IS NULL ORDER BY price_id"


async def every(conn: Connection) -> list[CreditPrice]:
    """All rows, the active ones first."""
    return [_price(row) for row in await conn.fetch(ALL)]


async def active(conn: Connection) -> list[CreditPrice]:
    """The rows that may be offered."""
    return [_price(row) for row in await conn.fetch(ACTIVE)]


async def one(conn: Connection, price_id: str) -> CreditPrice | None:
    """A row, active or not."""
    row = await conn.fetchrow(ONE, price_id)
    return _price(row) if row else None


async def active_of(conn: Connection, code: str) -> CreditPrice | None:
    """The price at which a pack or plan is sold, locked."""
    row = await conn.fetchrow(ACTIVE_OF, code)
    return _price(row) if row else None


async def put(conn: Connection, price: CreditPrice) -> None:
    """Sell a pack or plan at this price; the one before becomes inactive."""
    await conn.execute(RETIRE, price.code, price.price_id)
    await conn.execute(PUT, price.price_id, price.code, price.kind, price.credits, price.plan_type, price.reason)


async def unread(conn: Connection) -> list[CreditPrice]:
    """Rows that are not offered any more, and whose amount is not known."""
    return [_price(row) for row in await conn.fetch(UNREAD)]


async def set_cost(conn: Connection, price_id: str, cost: Cost | None, *, offered: bool) -> None:
    """Record what Stripe says. None: it does not say the amount, so what was known stays known."""
    amount, currency = (cost.amount, cost.currency) if cost else (None, None)
    await conn.execute(SET_COST, price_id, amount, currency, offered)


def _price(row: asyncpg.Record) -> CreditPrice:
    return CreditPrice(**dict(row))
