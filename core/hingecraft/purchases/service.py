"""Reads purchases, and the access that follows from them."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from hingecraft.db.connection import Database
from hingecraft.identity.errors import NotAuthorizedError
from hingecraft.payments.history import Position
from hingecraft.purchases import store
from hingecraft.purchases.access import Access
from hingecraft.purchases.model import Purchase, UnknownPurchaseError
from hingecraft.purchases.products.model import UnknownProductError


class PurchaseReader:
    """The purchases of one mode: that of the key."""

    def __init__(self, database: Database, *, livemode: bool, grace_hours: int) -> None:
        self._database = database
        self._livemode = livemode
        self._grace = timedelta(hours=grace_hours)

    async def one(self, purchase_id: UUID, user_id: UUID | None) -> Purchase:
        """A purchase as its owner sees it; None: an admin asks. Raises NotAuthorizedError for another user's."""
        async with self._database.connection() as conn:
            found = await store.purchase(conn, purchase_id, livemode=self._livemode, grace=self._grace)
        if found is None:
            raise UnknownPurchaseError
        if user_id is not None and found.user_id != user_id:
            raise NotAuthorizedError("This purchase belongs to another user.")
        return found

    async def page(
        self, user_id: UUID | None, *, kind: str | None, after: Position | None, limit: int
    ) -> tuple[list[Purchase], Position | None]:
        """A user's purchases, or everybody's, the newest first, and where the next page begins."""
        async with self._database.connection() as conn:
            found = await store.purchases(
                conn, user_id, livemode=self._livemode, grace=self._grace, kind=kind, after=after, limit=limit + 1
            )
        page = found[:limit]
        return page, Position(page[-1].created_at, page[-1].id) if len(found) > limit else None

    async def access(self, user_id: UUID, product_id: UUID) -> Access:
        """Whether the user may use a product now, and why."""
        async with self._database.connection() as conn:
            held = await store.held(conn, user_id, product_id, livemode=self._livemode, grace=self._grace)
        if held is None:
            raise UnknownProductError
        return held.access
