"""When a reconciliation asks Wix about a site again."""

from __future__ import annotations

import itertools
from datetime import timedelta
from uuid import UUID

import asyncpg

from hingecraft.wix_app import check_store

SITES = """
INSERT INTO wix_sites (instance_id, installed_at, plan)
SELECT ('6f1d2c3e-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, now(), 'pro' FROM generate_series(1, 240) n
"""
ASKED = "UPDATE wix_sites SET checked_at = now() - $1::interval"


async def due(conn: asyncpg.Connection, after: timedelta) -> set[UUID]:
    """The sites that are due so long after they were all asked about at one moment."""
    await conn.execute(ASKED, after)
    return {*await check_store.claim(conn, UUID(int=0), 1000, doubted=(), every=False, dry=True)}


async def test_paying_sites_that_were_asked_about_at_one_moment_are_due_over_an_hour(conn: asyncpg.Connection):
    await conn.execute(SITES)
    quarters = [await due(conn, timedelta(hours=23, minutes=minutes)) for minutes in (0, 15, 30, 45, 60)]
    assert all(earlier <= later for earlier, later in itertools.pairwise(quarters)), "the order stays"
    new = [len(later - earlier) for earlier, later in itertools.pairwise(quarters)]
    assert (sum(new), len(quarters[0])) == (240, 0)
    assert all(30 < each < 90 for each in new), f"a quarter of an hour has a quarter of them: {new}"
