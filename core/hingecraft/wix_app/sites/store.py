"""The table `wix_sites`, and the account that each site has from its first moment."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

from hingecraft.db.connection import Connection
from hingecraft.wix_app.sites.model import SiteStatus

# The trial's credits are granted with the row, so that they are granted once.
CREATE = """
WITH site AS (
    INSERT INTO wix_sites (instance_id, origin_instance_id, installed_at, removed_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT DO NOTHING RETURNING instance_id
), account AS (
    INSERT INTO wix_credit_accounts (instance_id, trial)
    SELECT s.instance_id, p.credits FROM site s JOIN wix_plans p ON p.plan = 'free'
    RETURNING instance_id, trial
), granted AS (
    INSERT INTO wix_credits (instance_id, kind, reference, trial, credits_after)
    SELECT instance_id, 'trial', 'trial', trial, trial FROM account
)
SELECT EXISTS (SELECT FROM site)
"""
PRESENCE = """
SELECT installed_at, removed_at, coalesce(removed_at >= installed_at, false) AS is_removed
FROM wix_sites WHERE instance_id = $1
"""
# A copy of a site keeps the settings of its origin, as Wix's review asks.
COPY_SETTINGS = """
INSERT INTO wix_site_settings (instance_id, name, value)
SELECT $1, name, value FROM wix_site_settings WHERE instance_id = $2 ON CONFLICT DO NOTHING
"""
INSTALLED = "UPDATE wix_sites SET installed_at = $2 WHERE instance_id = $1 AND installed_at < $2 RETURNING true"
LEARN_ORIGIN = """
UPDATE wix_sites SET origin_instance_id = $2 WHERE instance_id = $1 AND origin_instance_id IS NULL RETURNING true
"""
REMOVED = """
UPDATE wix_sites SET removed_at = $2 WHERE instance_id = $1 AND (removed_at IS NULL OR removed_at < $2)
RETURNING true
"""
STATUS = """
SELECT s.instance_id, s.owner_email AS email, CASE WHEN e.ended THEN 'free' ELSE s.plan END AS plan,
       CASE WHEN NOT e.ended AND s.plan <> 'free' THEN s.cycle END AS cycle,
       CASE WHEN a.allowance_ends_at <= now() THEN 0 ELSE a.allowance END + a.trial + a.bought AS credits,
       a.used, a.trial, CASE WHEN NOT e.ended THEN s.period_end END AS period_end,
       s.cancel_at_period_end AND NOT e.ended AS cancel_at_period_end,
       CASE WHEN NOT e.ended THEN s.payment_failed_at END AS payment_failed_at
FROM wix_sites s JOIN wix_credit_accounts a USING (instance_id)
CROSS JOIN LATERAL (SELECT coalesce(s.access_ends_at <= now(), false) AS ended) e
WHERE s.instance_id = $1
"""


async def create(
    conn: Connection, instance_id: UUID, origin: UUID | None, installed_at: datetime, removed_at: datetime | None = None
) -> bool:
    """Create a site with its trial; False if it is there already."""
    return bool(await conn.fetchval(CREATE, instance_id, origin, installed_at, removed_at))


async def presence(conn: Connection, instance_id: UUID, *, lock: bool = False) -> asyncpg.Record | None:
    """Whether the app is removed, and since when; None for an unknown site. A lock lasts for the transaction."""
    return await conn.fetchrow(f"{PRESENCE} FOR UPDATE" if lock else PRESENCE, instance_id)


async def copy_settings(conn: Connection, instance_id: UUID, origin: UUID) -> None:
    """Settings that the site has not set itself become those of the origin."""
    await conn.execute(COPY_SETTINGS, instance_id, origin)


async def installed(conn: Connection, instance_id: UUID, at: datetime) -> bool:
    """The site had the app at that time; False if that was known."""
    return bool(await conn.fetchval(INSTALLED, instance_id, at))


async def learn_origin(conn: Connection, instance_id: UUID, origin: UUID) -> bool:
    """The site is a copy of that one; False if that was known."""
    return bool(await conn.fetchval(LEARN_ORIGIN, instance_id, origin))


async def removed(conn: Connection, instance_id: UUID, at: datetime) -> bool:
    """The app was removed at that time; False if that was known."""
    return bool(await conn.fetchval(REMOVED, instance_id, at))


async def status(conn: Connection, instance_id: UUID) -> SiteStatus | None:
    """The site's plan and credits; None for an unknown site."""
    row = await conn.fetchrow(STATUS, instance_id)
    return SiteStatus(**dict(row)) if row is not None else None
