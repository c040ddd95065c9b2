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
UPDATE credit_prices SET amount = $2, currency = $3
WHERE price_id = $1 AND (amount, currency) IS DISTINCT FROM ($2::numeric, $3::text)
RETURNING price_id
"""


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


async def set_cost(conn: Connection, price_id: str, cost: Cost | None) -> bool:
    """Record what Stripe says; None: it does not have the price. False if that was known."""
    amount, currency = (cost.amount, cost.currency) if cost else (None, None)
    return await conn.fetchval(SET_COST, price_id, amount, currency) is not None


def _price(row: asyncpg.Record) -> CreditPrice:
    return CreditPrice(**dict(row))
