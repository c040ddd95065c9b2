"""The table `downloads`: one row for each URL, which is counted once on the entitlement that it was granted by."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from hingecraft.db.connection import Connection
from hingecraft.purchases.access import Entitlement
from hingecraft.purchases.downloads.model import Granted
from hingecraft.purchases.store import ENTITLEMENT, entitlement_of

# One after the other for each user. Nothing else takes this lock, and only the row that is counted on is locked after
# it, so that a refund, which locks entitlements of its own, cannot wait in a circle with a download.
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('downloads:' || $1::uuid::text, 0))"
VALID = """
SELECT d.id, d.expires_at, e.download_limit - e.downloads_used AS remaining
FROM downloads d JOIN entitlements e ON e.id = d.entitlement_id
WHERE d.user_id = $1 AND d.product_id = $2 AND d.entitlement_id = ANY ($3::uuid[]) AND d.expires_at > now()
ORDER BY d.expires_at DESC LIMIT 1
"""
COUNT = """
WITH counted AS (
    UPDATE entitlements SET downloads_used = downloads_used + 1
    WHERE id = $3 AND revoked_at IS NULL AND (download_limit IS NULL OR downloads_used < download_limit)
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
SELECT p.file, now() AS moment, d.expires_at, d.entitlement_id IS NOT NULL AS counted,
       {ENTITLEMENT.format(grace="$2")}
FROM downloads d JOIN products p ON p.id = d.product_id
LEFT JOIN entitlements e ON e.id = d.entitlement_id LEFT JOIN purchases b ON b.id = e.purchase_id
LEFT JOIN products bought ON bought.id = b.product_id
WHERE d.id = $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The file of a URL at one moment, and what its access follows from."""

    file: str
    moment: datetime
    expires_at: datetime
    # None: an admin's.
    entitlement: Entitlement | None

    @property
    def open(self) -> bool:
        """Whether the file may be sent."""
        entitled = self.entitlement is None or self.entitlement.holds(self.moment)
        return entitled and self.moment < self.expires_at

    @property
    def seconds_left(self) -> int:
        """How long the URL is still valid; 1 at least."""
        return max(1, math.ceil((self.expires_at - self.moment).total_seconds()))


async def lock(conn: Connection, user_id: UUID) -> None:
    """Keep other calls from counting downloads of the user until the transaction ends."""
    await conn.execute(LOCK, user_id)


async def valid(
    conn: Connection, user_id: UUID, product_id: UUID, entitlements: Sequence[Entitlement]
) -> Granted | None:
    """The URL that the user has for the design, granted by one of these entitlements."""
    row = await conn.fetchrow(VALID, user_id, product_id, [each.id for each in entitlements])
    return _granted(row) if row is not None else None


async def count(
    conn: Connection, user_id: UUID, product_id: UUID, entitlement: Entitlement, valid_for: timedelta
) -> Granted | None:
    """Count one download and write the row of its URL; None: the entitlement has just been revoked."""
    row = await conn.fetchrow(COUNT, user_id, product_id, entitlement.id, valid_for, entitlement.ends_at)
    return _granted(row) if row is not None else None


async def grant_uncounted(conn: Connection, product_id: UUID, valid_for: timedelta) -> Granted:
    """Write the row of an admin's URL."""
    row = await conn.fetchrow(GRANT_UNCOUNTED, product_id, valid_for)
    assert row is not None
    return _granted(row)


async def file_of(conn: Connection, product_id: UUID) -> str | None:
    """The file of a design; None where no design has the id."""
    file: str | None = await conn.fetchval(FILE, product_id)
    return file


async def served(conn: Connection, download_id: UUID, grace: timedelta) -> Served | None:
    """The download of a URL; None: a restored backup has lost it."""
    row = await conn.fetchrow(SERVED, download_id, grace)
    if row is None:
        return None
    return Served(
        file=row["file"],
        moment=row["moment"],
        expires_at=row["expires_at"],
        entitlement=entitlement_of(row) if row["counted"] else None,
    )


def _granted(row: asyncpg.Record) -> Granted:
    return Granted(id=row["id"], expires_at=row["expires_at"], remaining=row["remaining"])
