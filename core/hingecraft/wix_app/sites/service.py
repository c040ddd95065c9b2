"""Sites come to be known by their owner's first call or by Wix's first event, whichever is earlier."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from hingecraft import audit
from hingecraft.db import clock
from hingecraft.db.connection import Connection, Database
from hingecraft.wix_app.errors import InvalidInstanceError
from hingecraft.wix_app.instances.model import Instance
from hingecraft.wix_app.sites import store
from hingecraft.wix_app.sites.model import SiteStatus


async def admit(database: Database, instance: Instance, request_id: str) -> None:
    """Make sure that the caller's site is known and has the app.

    A token that was signed after the app was removed shows that it is installed again: the event may be late. An older
    one raises InvalidInstanceError.
    """
    async with database.connection() as conn:
        present = await store.presence(conn, instance.instance_id)
    if present is not None and not present["is_removed"]:
        return
    if present is not None and (instance.signed_at is None or instance.signed_at <= present["removed_at"]):
        raise InvalidInstanceError("The app has been removed from this site.", "Install it again to use it.")
    async with database.transaction() as conn:
        await installed(
            conn,
            instance.instance_id,
            instance.signed_at or await clock.moment(conn),
            instance.origin_instance_id,
            actor=f"wix_instance:{instance.instance_id}",
            request_id=request_id,
        )


async def installed(
    conn: Connection, instance_id: UUID, at: datetime, origin: UUID | None, *, actor: str, request_id: str
) -> None:
    """The site had the app at that time. Its first time gives it the trial; repeats and old news change nothing."""
    is_new = await store.create(conn, instance_id, origin, at)
    is_later = not is_new and await store.installed(conn, instance_id, at)
    is_copy = origin is not None and (is_new or await store.learn_origin(conn, instance_id, origin))
    if origin is not None and is_copy:
        await store.copy_settings(conn, instance_id, origin)
    if is_new or is_later or is_copy:
        await _record(conn, "wix_site_created" if is_new else "wix_site_installed", instance_id, actor, request_id)


async def is_removed(conn: Connection, instance_id: UUID, at: datetime) -> bool:
    """Whether the app is removed from the site since that time or an earlier one."""
    present = await store.presence(conn, instance_id, lock=True)
    return present is not None and present["is_removed"] and present["removed_at"] <= at


async def is_installed_since(conn: Connection, instance_id: UUID, at: datetime) -> bool:
    """Whether the site has the app, and is last known to have it from a later time on."""
    present = await store.presence(conn, instance_id, lock=True)
    return present is not None and not present["is_removed"] and present["installed_at"] > at


async def removed(conn: Connection, instance_id: UUID, at: datetime, *, actor: str, request_id: str) -> None:
    """The app was removed at that time; the data is kept for a reinstallation."""
    is_new = await store.create(conn, instance_id, None, at, at)
    if is_new or await store.removed(conn, instance_id, at):
        await _record(conn, "wix_site_removed", instance_id, actor, request_id)


async def status(database: Database, instance_id: UUID) -> SiteStatus:
    """The site's plan and credits now."""
    async with database.connection() as conn:
        found = await store.status(conn, instance_id)
    assert found is not None, "the caller's site was created when the call was admitted"
    return found


async def _record(conn: Connection, action: str, instance_id: UUID, actor: str, request_id: str) -> None:
    await audit.append(conn, actor=actor, action=action, request_id=request_id, instanceId=str(instance_id))
