"""Claiming a database for a resource. One resource speaks for one database."""

from __future__ import annotations

from hingecraft.db.connection import Database
from hingecraft.installation import store
from hingecraft.installation.model import Claimant, Installation


async def read(database: Database) -> Installation:
    """The installation: this database's id, and its owner."""
    async with database.connection() as conn:
        return await store.read(conn)


async def claim(database: Database, claimant: Claimant, *, instead_of: str | None = None) -> bool:
    """Make it the claimant's; `instead_of` is a resource that is known to be gone."""
    async with database.connection() as conn:
        return await store.claim(conn, claimant, instead_of)


async def release(database: Database, uid: str) -> bool:
    """Release the database of a deleted resource; False if another resource has it already."""
    async with database.connection() as conn:
        return await store.release(conn, uid)
