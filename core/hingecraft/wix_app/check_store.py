"""The sites that a reconciliation asks Wix about, and when it asks about each again."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from hingecraft.db.connection import Connection
from hingecraft.leases import statements

# A site that pays is asked about once a day. Those of one moment spread over an hour, so that they stay apart on all
# later days too. Of other sites a purchase whose events were all lost is found within a week.
_DUE = f"""
SELECT instance_id FROM wix_sites
WHERE (removed_at IS NULL OR removed_at < installed_at) AND instance_id > $2 AND {statements.FREE}
    AND ($1 OR instance_id = ANY ($4::uuid[]) OR (
        (put_off_until IS NULL OR put_off_until < now())
        AND (checked_at IS NULL
            OR checked_at < now() - make_interval(secs => (hashtext(instance_id::text) & 2147483647) % 3600)
                - CASE WHEN plan = 'free' THEN interval '7 days' ELSE interval '23 hours' END)
    ))
ORDER BY instance_id LIMIT $3
"""
CLAIM = statements.claim(
    "wix_sites s", key=("instance_id",), due=f"{_DUE} FOR UPDATE SKIP LOCKED", lease="interval '5 minutes'",
    returning="s.instance_id",
)  # fmt: skip
# Longer than the time between two runs: sites that Wix cannot be asked about never keep a run from the others.
PUT_OFF = """
UPDATE wix_sites SET claimed_until = NULL, put_off_until = now() + interval '1 hour' WHERE instance_id = $1
"""
RELEASE = "UPDATE wix_sites SET claimed_until = NULL, put_off_until = NULL WHERE instance_id = $1"


async def claim(
    conn: Connection, after: UUID, most: int, *, doubted: Collection[UUID], every: bool, dry: bool
) -> list[UUID]:
    """The next sites to ask about, which nobody else asks about meanwhile; in a dry run nothing is claimed.

    Those that are doubted, and with `every` all, are asked about also if they are not due or were put off.
    """
    rows = await conn.fetch(_DUE if dry else CLAIM, every, after, most, doubted)
    return sorted(row["instance_id"] for row in rows)


async def release(conn: Connection, instance_id: UUID) -> None:
    """Record that Wix was asked about the site."""
    await conn.execute(RELEASE, instance_id)


async def put_off(conn: Connection, instance_id: UUID) -> None:
    """Record that Wix's answer is missing or cannot be used yet, so that the next regular runs begin with others."""
    await conn.execute(PUT_OFF, instance_id)
