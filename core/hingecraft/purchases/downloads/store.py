"""The table `downloads`: one row for each URL, which is counted once on the entitlement that it was granted by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import asyncpg

from hingecraft.db.connection import Connection
from hingecraft.purchases.downloads.model import Granted, Reason, Right
from hingecraft.purchases.renewal_grace import UNTIL

_IS_OPEN = f"(e.revoked_at IS NULL AND e.starts_at <= now() AND (e.ends_at IS NULL OR now() < {UNTIL}))"
_OPEN = _IS_OPEN.format(grace="$4")
# Entitlements of a user that may open a design: its own, also while it is not sold, and those of subscriptions.
_OF_DESIGN = """
FROM entitlements e
JOIN purchases b ON b.id = e.purchase_id AND b.livemode = $3
JOIN products bought ON bought.id = b.product_id
JOIN products p ON p.id = $2 AND p.type = 'design'
WHERE e.user_id = $1 AND (b.product_id = p.id OR (bought.type = 'subscription' AND p.active))
"""
_VALID = f"""
SELECT d.id, d.expires_at, e.download_limit - e.downloads_used AS remaining
FROM downloads d JOIN entitlements e ON e.id = d.entitlement_id JOIN purchases b ON b.id = e.purchase_id
WHERE d.user_id = $1 AND d.product_id = $2 AND b.livemode = $3 AND d.expires_at > now() AND {_OPEN}
ORDER BY d.expires_at DESC LIMIT 1
"""
DESIGN = f"""
SELECT p.file, v.* FROM products p LEFT JOIN LATERAL ({_VALID}) v ON true WHERE p.id = $2 AND p.type = 'design'
"""
RIGHTS = f"""
SELECT e.id AS entitlement_id, e.download_limit, e.downloads_used, {UNTIL.format(grace="$4")} AS until
{_OF_DESIGN} AND {_OPEN} ORDER BY b.product_id = p.id DESC, until NULLS LAST, e.id
"""
# In the order of their ids, so that two calls of one user wait for each other and cannot deadlock.
LOCK = f"SELECT e.id {_OF_DESIGN} AND {_OPEN} ORDER BY e.id FOR NO KEY UPDATE OF e"
# The design's own purchase counts before a subscription's, and the latest one.
WHY_NOT = f"""
SELECT coalesce(e.revoked_because, 'expired') {_OF_DESIGN} ORDER BY b.product_id = p.id DESC, e.starts_at DESC LIMIT 1
"""
COUNT = """
WITH counted AS (
    UPDATE entitlements SET downloads_used = downloads_used + 1
    WHERE id = $3 AND (download_limit IS NULL OR downloads_used < download_limit)
    RETURNING id, download_limit - downloads_used AS remaining
), granted AS (
    INSERT INTO downloads (user_id, product_id, entitlement_id, expires_at)
    SELECT $1, $2, id, least(date_trunc('second', now()) + $4::interval, $5) FROM counted
    RETURNING id, expires_at
)
SELECT granted.id, granted.expires_at, counted.remaining FROM granted, counted
"""
GRANT_UNCOUNTED = """
INSERT INTO downloads (product_id, expires_at) VALUES ($1, date_trunc('second', now()) + $2::interval)
RETURNING id, expires_at, NULL::integer AS remaining
"""
FILE = "SELECT file FROM products WHERE id = $1 AND type = 'design'"
SERVED = f"""
SELECT p.file, d.expires_at > now() AND (d.entitlement_id IS NULL OR {_IS_OPEN.format(grace="$2")}) AS open,
    greatest(1, ceil(extract(epoch FROM d.expires_at - now())))::integer AS seconds_left
FROM downloads d JOIN products p ON p.id = d.product_id
LEFT JOIN entitlements e ON e.id = d.entitlement_id LEFT JOIN purchases b ON b.id = e.purchase_id
WHERE d.id = $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A user who asks for a design."""

    user_id: UUID
    product_id: UUID
    livemode: bool
    grace: timedelta

    @property
    def arguments(self) -> tuple[UUID, UUID, bool, timedelta]:
        """In the order of the statements."""
        return self.user_id, self.product_id, self.livemode, self.grace


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The file of a URL, and whether it may be sent."""

    file: str
    open: bool
    seconds_left: int


async def design(conn: Connection, asked: Asked) -> tuple[str, Granted | None] | None:
    """A design's file, and the URL that the user has for it; None where no design has the id."""
    row = await conn.fetchrow(DESIGN, *asked.arguments)
    if row is None:
        return None
    return row["file"], _granted(row) if row["id"] is not None else None


async def valid(conn: Connection, asked: Asked) -> Granted | None:
    """The URL that the user has for the design."""
    row = await conn.fetchrow(_VALID, *asked.arguments)
    return _granted(row) if row is not None else None


async def rights(conn: Connection, asked: Asked) -> list[Right]:
    """The entitlements that open the design now, in the order in which they are used.

    The design's own comes before a subscription's; among several, the one that ends first.
    """
    return [Right(**dict(row)) for row in await conn.fetch(RIGHTS, *asked.arguments)]


async def lock_rights(conn: Connection, asked: Asked) -> None:
    """Keep other calls from counting on them until the transaction ends."""
    await conn.fetch(LOCK, *asked.arguments)


async def why_not(conn: Connection, asked: Asked) -> Reason | None:
    """Why the user has no access; None: there has never been any."""
    reason: Reason | None = await conn.fetchval(WHY_NOT, asked.user_id, asked.product_id, asked.livemode)
    return reason


async def count(conn: Connection, asked: Asked, right: Right, valid_for: timedelta) -> Granted:
    """Count one download on a locked entitlement, and write the row of its URL."""
    row = await conn.fetchrow(COUNT, asked.user_id, asked.product_id, right.entitlement_id, valid_for, right.until)
    return _granted(row)


async def grant_uncounted(conn: Connection, product_id: UUID, valid_for: timedelta) -> Granted:
    """Write the row of an admin's URL."""
    return _granted(await conn.fetchrow(GRANT_UNCOUNTED, product_id, valid_for))


async def file_of(conn: Connection, product_id: UUID) -> str | None:
    """The file of a design; None where no design has the id."""
    file: str | None = await conn.fetchval(FILE, product_id)
    return file


async def served(conn: Connection, download_id: UUID, grace: timedelta) -> Served | None:
    """The download of a URL; None: a restored backup has lost it."""
    row = await conn.fetchrow(SERVED, download_id, grace)
    return Served(**dict(row)) if row is not None else None


def _granted(row: asyncpg.Record | None) -> Granted:
    assert row is not None
    return Granted(id=row["id"], expires_at=row["expires_at"], remaining=row["remaining"])
