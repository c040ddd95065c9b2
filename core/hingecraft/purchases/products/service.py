"""Reads products, and adds and changes them with a row in the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from hingecraft import audit
from hingecraft.db.connection import Database
from hingecraft.money.book import CurrencyBook
from hingecraft.money.model import plain
from hingecraft.payments.history import Position
from hingecraft.purchases.products import store
from hingecraft.purchases.products.model import Product, UnknownProductError, check


class Products:
    """The products of one pod."""

    def __init__(self, database: Database, currencies: CurrencyBook) -> None:
        self._database = database
        self._currencies = currencies

    async def one(self, product_id: UUID, *, every: bool) -> Product:
        """Raises UnknownProductError, also for one that is not sold any more unless `every` is true."""
        async with self._database.connection() as conn:
            found = await store.one(conn, product_id)
        if found is None or not (found.active or every):
            raise UnknownProductError
        return found

    async def page(
        self, *, every: bool, kind: str | None, after: Position | None, limit: int
    ) -> tuple[list[Product], Position | None]:
        """A page, the newest first, and where the next one begins."""
        async with self._database.connection() as conn:
            found = await store.page(conn, every=every, kind=kind, after=after, limit=limit + 1)
        page = found[:limit]
        return page, Position(page[-1].created_at, page[-1].id) if len(found) > limit else None

    async def add(self, product: Product, *, actor: str, request_id: str) -> Product:
        """Raises an InvalidError that names the fields to correct."""
        check(product, self._currencies.table.by_code)
        async with self._database.transaction() as conn:
            await store.insert(conn, product)
            await audit.append(
                conn, actor=actor, action="product_added", request_id=request_id, product=str(product.id),
                **_audited(product),
            )  # fmt: skip
        return product

    async def change(self, product_id: UUID, changes: Mapping[str, Any], *, actor: str, request_id: str) -> Product:
        """Change these fields, and no others. Raises the same, and UnknownProductError."""
        async with self._database.transaction() as conn:
            before = await store.one(conn, product_id, lock=True)
            if before is None:
                raise UnknownProductError
            after = replace(before, **changes)
            check(after, self._currencies.table.by_code)
            if after != before:
                await store.update(conn, after)
                changed = {name: value for name, value in _audited(after).items() if value != _audited(before)[name]}
                await audit.append(
                    conn,
                    actor=actor,
                    action="product_changed",
                    request_id=request_id,
                    product=str(product_id),
                    **changed,
                )
        return after


def _audited(product: Product) -> dict[str, Any]:
    """The fields for the audit log."""
    return {
        "type": product.type,
        "name": product.name,
        "price": plain(product.price),
        "discountedPrice": _plain(product.discounted_price),
        "currency": product.currency,
        "active": product.active,
        "downloadLimit": product.download_limit,
        "file": product.file,
    }


def _plain(amount: Decimal | None) -> str | None:
    return None if amount is None else plain(amount)
