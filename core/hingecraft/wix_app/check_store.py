"""The sites that Wix is asked about, and the time of the next question."""

from __future__ import annotations

from uuid import UUID

from hingecraft.db.connection import Connection

# A site that pays is asked about once a day. Those of one moment spread over an hour, so that they stay apart on all
# later days too. Of other sites a purchase whose events were all lost is found within a week.
_DUE = """
removed_at IS NULL OR removed_at < installed_at
) AND (claimed_until IS NULL OR claimed_until < now())
AND ($1 OR checked_at IS NULL
    OR checked_at < now() - make_interval(secs => (hashtext(instance_id::text) & 2147483647) % 3600)
        - CASE WHEN plan = 'free' THEN interval '7 days' ELSE interval '23 hours' END
"""
CLAIM = f"""
UPDATE wix_sites SET claimed_until = now() + interval '5 minutes'
WHERE instance_id IN (
    SELECT instance_id FROM wix_sites WHERE ({_DUE}) AND instance_id > $2
    ORDER BY instance_id LIMIT $3 FOR UPDATE SKIP LOCKED
)
RETURNING instance_id
"""
DUE = f"SELECT instance_id FROM wix_sites WHERE ({_DUE}) AND instance_id > $2 ORDER BY instance_id LIMIT $3"
RELEASE = "UPDATE wix_sites SET claimed_until = NULL WHERE instance_id = $1"


async def claim(conn: Connection, after: UUID, most: int, *, every: bool, dry: bool) -> list[UUID]:
    """The next sites to ask about, which nobody else asks about meanwhile; in a dry run nothing is claimed."""
    return sorted(row["instance_id"] for row in await conn.fetch(DUE if dry else CLAIM, every, after, most))


async def release(conn: Connection, instance_id: UUID) -> None:
    """The site was asked about."""
    await conn.execute(RELEASE, instance_id)
