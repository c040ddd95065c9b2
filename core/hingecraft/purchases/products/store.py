"""The table `products`."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

import asyncpg

from hingecraft.db.connection import Connection
from hingecraft.payments.history import Position
from hingecraft.periods import Period
from hingecraft.purchases.products.model import Product

COLUMNS = """
id, type, name, price, discounted_price, currency, active, download_limit, period_unit, period_count, file, created_at
"""
ONE = f"SELECT {COLUMNS} FROM products WHERE id = $1"
LOCK = f"SELECT {COLUMNS} FROM products WHERE id = $1 FOR NO KEY UPDATE"
SOME = f"SELECT {COLUMNS} FROM products WHERE id = ANY ($1::uuid[])"
SUBSCRIPTIONS = f"SELECT {COLUMNS} FROM products WHERE type = 'subscription'"
ANY_OF = "SELECT EXISTS (SELECT FROM products WHERE id::text = ANY ($1::text[]))"
PAGE = f"""
SELECT {COLUMNS} FROM products
WHERE (active OR $1) AND ($2::text IS NULL OR type = $2)
  AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4::uuid))
ORDER BY created_at DESC, id DESC LIMIT $5
"""
INSERT = """
INSERT INTO products (
    type, name, price, discounted_price, currency, active, download_limit, period_unit, period_count, file, id,
    created_at
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
UPDATE = """
UPDATE products SET name = $2, price = $3, discounted_price = $4, currency = $5, active = $6, download_limit = $7,
    file = $8
WHERE id = $1
"""


async def one(conn: Connection, product_id: UUID, *, lock: bool = False) -> Product | None:
    """A product, active or not; `lock` holds it until the transaction ends."""
    row = await conn.fetchrow(LOCK if lock else ONE, product_id)
    return of_row(row) if row else None


async def some(conn: Connection, product_ids: Collection[UUID]) -> list[Product]:
    """The products with these ids, active or not; ids of no product are left out."""
    return [of_row(row) for row in await conn.fetch(SOME, list(product_ids))]


async def subscriptions(conn: Connection) -> list[Product]:
    """All subscriptions, also those that are not sold any more."""
    return [of_row(row) for row in await conn.fetch(SUBSCRIPTIONS)]


async def any_of(conn: Connection, names: Collection[str]) -> bool:
    """Whether one of these is the id of a product."""
    return bool(await conn.fetchval(ANY_OF, list(names)))


async def page(conn: Connection, *, every: bool, kind: str | None, after: Position | None, limit: int) -> list[Product]:
    """The newest first; `every` includes those that are not sold any more."""
    moment, last = (after.created_at, after.id) if after else (None, None)
    return [of_row(row) for row in await conn.fetch(PAGE, every, kind, moment, last, limit)]


async def insert(conn: Connection, product: Product) -> None:
    """Add a product."""
    period = product.period
    await conn.execute(
        INSERT, product.type, product.name, product.price, product.discounted_price, product.currency, product.active,
        product.download_limit, period.unit if period else None, period.count if period else None, product.file,
        product.id, product.created_at,
    )  # fmt: skip


async def update(conn: Connection, product: Product) -> None:
    """Store what may change; the row is locked."""
    await conn.execute(
        UPDATE, product.id, product.name, product.price, product.discounted_price, product.currency, product.active,
        product.download_limit, product.file,
    )  # fmt: skip


def of_row(row: asyncpg.Record) -> Product:
    """A product from its columns."""
    found = dict(row)
    unit, count = found.pop("period_unit"), found.pop("period_count")
    return Product(**found, period=Period(unit=unit, count=count) if unit is not None else None)
