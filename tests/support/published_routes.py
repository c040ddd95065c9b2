"""The newest version of the routes, for tests that look into it."""

from __future__ import annotations

from hingecraft.db.connection import Database
from hingecraft.routes import store
from hingecraft.routes.model import RoutesVersion


async def newest(database: Database) -> RoutesVersion | None:
    async with database.connection() as conn:
        return await store.newest(conn)
