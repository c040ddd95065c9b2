"""The Wix app's tables: the application's role writes them, and no role of a platform reads them."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest

from hingecraft.wix_app.plans import service
from support.wix_plans import bought

TABLES = ("wix_sites", "wix_plan_facts", "wix_credit_accounts", "wix_credits", "wix_site_settings")


@pytest.fixture
async def site(conn):
    """A site with a plan and a spend, written as the application's role, which is not the owner."""
    site = uuid4()
    await conn.execute("SET ROLE hingecraft_app")
    async with conn.transaction():
        await service.take(conn, site, [bought(datetime.now(UTC))], actor="wix", request_id="r")
    assert await conn.fetchval("SELECT outcome FROM hc_spend_wix_credits($1, 5, 'r')", site) == "spent"
    await conn.execute("INSERT INTO wix_site_settings (instance_id, name, value) VALUES ($1, 'a', '1')", site)
    yield site
    await conn.execute("RESET ROLE")


async def test_the_application_reads_and_writes_what_it_needs(conn, site):
    for table in TABLES:
        assert await conn.fetchval(f"SELECT count(*) FROM {table} WHERE instance_id = $1", site) >= 1
    for statement in (f"DELETE FROM {table}" for table in (*TABLES, "wix_plans")):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute(statement)


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
async def test_no_role_of_a_platform_reads_sites_or_spends(conn, site, role):
    await conn.execute(f"RESET ROLE; SET ROLE {role}")
    for statement in (
        *(f"SELECT FROM {table}" for table in (*TABLES, "wix_plans", "wix_plan_names", "wix_installation_lists")),
        f"SELECT hc_spend_wix_credits('{site}', 1, 's')",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute(statement)


async def test_row_level_security_is_on_where_a_grant_would_open_a_table(conn, site):
    await conn.execute(f"RESET ROLE; GRANT SELECT ON {', '.join(TABLES)} TO authenticated; SET ROLE authenticated")
    for table in TABLES:
        assert await conn.fetchval(f"SELECT count(*) FROM {table}") == 0
