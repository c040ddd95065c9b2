"""Reads and changes what the owner of a site has set, with a row in the audit log for each change."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from hingecraft import audit
from hingecraft.db.connection import Database
from hingecraft.identity.principal import Actor
from hingecraft.wix_app.site_settings import store


async def all_of(database: Database, instance_id: UUID) -> dict[str, Any]:
    """The settings that were changed."""
    async with database.connection() as conn:
        return await store.all_of(conn, instance_id)


async def change(database: Database, instance_id: UUID, values: Mapping[str, Any], actor: Actor) -> dict[str, Any]:
    """Set some values; returns all that are set then. The audit log names them, without what may be personal."""
    async with database.transaction() as conn:
        changed = await store.set_some(conn, instance_id, values)
        if changed:
            await audit.append(
                conn,
                actor=actor.name,
                action="wix_settings_changed",
                request_id=actor.request_id,
                instanceId=str(instance_id),
                names=changed,
            )
        return await store.all_of(conn, instance_id)
