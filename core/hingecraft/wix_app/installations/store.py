"""When Wix's list of installations is read next, and the sites that it is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from hingecraft.db.connection import Connection
from hingecraft.leases import statements

_HAS_APP = "(removed_at IS NULL OR removed_at < installed_at)"
_DUE = f"""
SELECT app_id FROM wix_installation_lists WHERE app_id = $1 AND ($2 OR due_at <= now()) AND {statements.FREE}
"""
# The lease is longer than a list of a hundred thousand sites takes.
CLAIM = statements.claim(
    "wix_installation_lists l", key=("app_id",), due=f"{_DUE} FOR UPDATE SKIP LOCKED", lease="interval '30 minutes'",
    returning="l.claimed_until",
)  # fmt: skip
IS_DUE = f"SELECT EXISTS ({_DUE}) OR NOT EXISTS (SELECT FROM wix_installation_lists WHERE app_id = $1)"
ADD = "INSERT INTO wix_installation_lists (app_id) VALUES ($1) ON CONFLICT DO NOTHING"
RELEASE = f"""
UPDATE wix_installation_lists SET due_at = now() + $3, claimed_until = NULL WHERE {statements.held("app_id")}
"""
SITES = f"SELECT instance_id, {_HAS_APP} AS has_app FROM wix_sites"
ASKED_LAST = f"SELECT instance_id FROM wix_sites WHERE {_HAS_APP} ORDER BY checked_at DESC NULLS LAST LIMIT $1"


async def claim(conn: Connection, app_id: str, *, every: bool) -> datetime | None:
    """Begin to read the list; None while it is not due, or another process reads it. With `every`, it is due."""
    await conn.execute(ADD, app_id)
    claimed_until: datetime | None = await conn.fetchval(CLAIM, app_id, every)
    return claimed_until


async def is_due(conn: Connection, app_id: str, *, every: bool) -> bool:
    """The same for a dry run, which claims nothing."""
    return bool(await conn.fetchval(IS_DUE, app_id, every))


async def release(conn: Connection, app_id: str, claimed_until: datetime, again_in: timedelta) -> None:
    """Record that the list was read, unless another process has taken it over."""
    await conn.execute(RELEASE, app_id, claimed_until, again_in)


async def sites(conn: Connection) -> dict[UUID, bool]:
    """Whether each known site has the app."""
    return {row["instance_id"]: row["has_app"] for row in await conn.fetch(SITES)}


async def asked_last(conn: Connection, most: int) -> Sequence[UUID]:
    """Sites that have the app, first those that Wix has confirmed last."""
    return [row["instance_id"] for row in await conn.fetch(ASKED_LAST, most)]
