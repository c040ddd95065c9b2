"""Events of Wix that were lost: a reconciliation finds what they would have said, and believes no absurd answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from hingecraft.db.connection import Database
from hingecraft.settings import Secret
from hingecraft.steps import Options, Run, Summary
from hingecraft.wix_app.client.client import WixClient
from hingecraft.wix_app.sites import service as sites
from hingecraft.wix_app.steps import wix_app_steps
from support.reconciling import command, summary_of
from support.sandbox import Sandbox
from support.wix_stand_in import WixStandIn

PLANS = "SELECT instance_id, plan FROM wix_sites"


@pytest.fixture
async def wix(sandbox: Sandbox) -> AsyncIterator[WixStandIn]:
    """Every webhook is lost."""
    stand_in = WixStandIn(sandbox)
    await stand_in.clock()
    await sandbox.ask("PUT", "/_sandbox/webhooks", json={"enabled": False})
    yield stand_in
    await stand_in.clock()


@pytest.fixture
async def database(dsn: Secret) -> AsyncIterator[Database]:
    database = Database(dsn, application="test-wix-reconciliation", largest=8)
    yield database
    await database.close()


@pytest.fixture
async def client(wix: WixStandIn) -> AsyncIterator[WixClient]:
    client = wix.client()
    yield client
    await client.close()


async def known(database: Database, wix: WixStandIn, name: str = "Lakeside", plan: str | None = "pro") -> UUID:
    """A site that we know, and that has bought a plan since."""
    site = await wix.install(name)
    async with database.transaction() as conn:
        await sites.installed(conn, site, datetime.now(UTC), None, actor="test", request_id="test")
    if plan is not None:
        await wix.act(site, "buy", product=plan)
    return site


async def reconcile(database: Database, client: WixClient, **options: Any) -> Summary:
    run = Run(options=Options(**options), summary=Summary(), started=datetime.now(UTC), providers=())
    for step in wix_app_steps(database, client).after_checks:
        await step(run)
    return run.summary


async def time_passes(conn: asyncpg.Connection) -> None:
    """Fifteen minutes, after which the leases of a run are over."""
    await conn.execute(
        "UPDATE wix_sites SET claimed_until = claimed_until - interval '15 minutes', "
        "put_off_until = put_off_until - interval '15 minutes'"
    )


async def plans(conn: asyncpg.Connection) -> dict[UUID, str]:
    return {row["instance_id"]: row["plan"] for row in await conn.fetch(PLANS)}


async def test_finds_a_purchase_a_change_and_a_removal(
    database: Database, client: WixClient, wix: WixStandIn, conn: asyncpg.Connection
):
    buys, leaves, stays = [await known(database, wix, name) for name in ("A", "B", "C")]
    first = await reconcile(database, client)
    assert (first.wix_sites_checked, first.wix_plans_changed, first.wix_sites_removed) == (3, 3, 0)
    assert await plans(conn) == {buys: "pro", leaves: "pro", stays: "pro"}
    nobody_is_due = await reconcile(database, client)
    assert nobody_is_due.wix_sites_checked == 0
    await wix.act(buys, "buy", product="agency", cycle="YEARLY")
    await wix.act(leaves, "remove")
    second = await reconcile(database, client, every_checkout=True)
    assert (second.wix_sites_checked, second.wix_plans_changed, second.wix_sites_removed) == (3, 1, 1)
    assert await plans(conn) == {buys: "agency", leaves: "pro", stays: "pro"}
    removed = await conn.fetch("SELECT instance_id FROM wix_sites WHERE removed_at > installed_at")
    assert [row["instance_id"] for row in removed] == [leaves]
    allowance = await conn.fetchval("SELECT allowance FROM wix_credit_accounts WHERE instance_id = $1", buys)
    assert allowance == 300
    third = await reconcile(database, client, every_checkout=True)
    assert (third.wix_sites_checked, third.wix_plans_changed) == (2, 0)


async def test_a_site_is_asked_about_once_a_day(
    database: Database, client: WixClient, wix: WixStandIn, conn: asyncpg.Connection
):
    pays, free = await known(database, wix, "Pays"), await known(database, wix, "Free", plan=None)
    await reconcile(database, client)
    assert {pays, free} == {*await plans(conn)}
    for days, expected in ((0.9, 0), (1.1, 1), (6.9, 1), (7.2, 2)):
        await conn.execute("UPDATE wix_sites SET checked_at = now() - $1 * interval '1 day'", days)
        summary = await reconcile(database, client)
        assert (days, summary.wix_sites_checked) == (days, expected)


async def test_two_reconciliations_ask_about_each_site_once(database: Database, client: WixClient, wix: WixStandIn):
    for name in "ABCD":
        await known(database, wix, name)
    await wix.sandbox.ask("PUT", "/_sandbox/latency", json={"seconds": 0.2})
    both = await asyncio.gather(reconcile(database, client), reconcile(database, client))
    assert sum(each.wix_sites_checked for each in both) == 4


async def test_does_not_believe_that_everybody_has_left(
    database: Database, client: WixClient, wix: WixStandIn, conn: asyncpg.Connection
):
    """As when Wix has suspended the app."""
    gone = [await known(database, wix, name, plan=None) for name in "ABCD"]
    for site in gone:
        await wix.act(site, "remove")
    summary = await reconcile(database, client)
    assert not summary.succeeded
    assert "too many to believe" in summary.reasons[0]
    assert await conn.fetchval("SELECT count(*) FROM wix_sites WHERE removed_at IS NOT NULL") == 0


async def test_a_wrong_secret_or_a_silent_wix_changes_nothing(
    database: Database, client: WixClient, wix: WixStandIn, conn: asyncpg.Connection
):
    for name in "ABCDEFGHIJ":
        await known(database, wix, name)
    wrong = wix.client("another-app-secret")
    summary = await reconcile(database, wrong)
    await wrong.close()
    assert (summary.succeeded, summary.wix_sites_removed) == (False, 0)
    assert summary.wix_sites_checked < 10
    await conn.execute("UPDATE wix_sites SET claimed_until = NULL")
    await wix.sandbox.ask("DELETE", "/_sandbox/wix/tokens")
    assert (await reconcile(database, client)).wix_plans_changed == 10


async def test_sites_that_wix_cannot_be_asked_about_keep_no_run_from_the_others_and_are_asked_about_on_request(
    database: Database, client: WixClient, wix: WixStandIn, conn: asyncpg.Connection
):
    for number in range(20):
        await known(database, wix, f"S{number}", plan=None)
    await wix.sandbox.fault("status_before", provider="wix", path="/apps/v1/instance", status=400, times=100)
    failed = (await reconcile(database, client)).wix_sites_checked
    assert 5 <= failed < 20
    await wix.sandbox.ask("DELETE", "/_sandbox/faults")
    await time_passes(conn)
    assert (await reconcile(database, client)).wix_sites_checked == 20 - failed
    assert (await reconcile(database, client)).wix_sites_checked == 0
    assert (await reconcile(database, client, every_checkout=True)).wix_sites_checked == 20
    assert await conn.fetchval("SELECT count(*) FROM wix_sites WHERE put_off_until IS NOT NULL") == 0


async def test_the_command_asks_wix_where_no_provider_is_configured(
    database: Database, wix: WixStandIn, dsn: Secret, conn: asyncpg.Connection
):
    site = await known(database, wix)
    environment = {name.upper(): value for name, value in (await wix.settings()).items()}
    nobody = {"STRIPE_SECRET": "", "NOWPAYMENTS_API_KEY": "", **environment}
    code, said, complained = await command(dsn, nobody, "reconcile", "--once")
    assert code == 0, complained
    assert (summary_of(said)["wix_sites_checked"], await plans(conn)) == (1, {site: "pro"})
    code, _, complained = await command(dsn, nobody, "reconcile", "--once", "--provider", "stripe")
    assert (code, "no provider is configured" in complained) == (2, True)


async def test_an_unknown_product_keeps_the_plan(
    database: Database, client: WixClient, wix: WixStandIn, conn: asyncpg.Connection
):
    site = await known(database, wix, plan="gold-2026")
    summary = await reconcile(database, client)
    assert "gold-2026" in summary.reasons[0]
    assert await plans(conn) == {site: "free"}
    await time_passes(conn)
    assert (await reconcile(database, client)).wix_sites_checked == 0, "it is not asked about in every run"


async def test_an_owner_with_an_address_that_cannot_be_one_keeps_no_run_from_the_others(
    database: Database, client: WixClient, wix: WixStandIn, conn: asyncpg.Connection
):
    odd, usual = await known(database, wix, "x" * 400), await known(database, wix)
    assert (await reconcile(database, client)).wix_plans_changed == 2
    addresses = {row["instance_id"]: row["owner_email"] for row in await conn.fetch("SELECT * FROM wix_sites")}
    assert (addresses[odd], addresses[usual]) == (None, "owner@lakeside.example")


async def test_a_dry_run_changes_nothing(
    database: Database, client: WixClient, wix: WixStandIn, conn: asyncpg.Connection
):
    site = await known(database, wix)
    assert (await reconcile(database, client, dry_run=True)).wix_sites_checked == 1
    assert await plans(conn) == {site: "free"}
    assert await conn.fetchval("SELECT claimed_until FROM wix_sites") is None


async def test_a_renewal_grants_the_credits_of_the_new_period(
    database: Database, client: WixClient, wix: WixStandIn, conn: asyncpg.Connection
):
    """Bought forty days ago by Wix's clock; it has renewed since."""
    now = datetime.now(UTC)
    await wix.clock(now - timedelta(days=40))
    site = await known(database, wix)
    await wix.clock()
    await reconcile(database, client)
    row = await conn.fetchrow("SELECT period_start, period_end, invoice_id FROM wix_sites WHERE instance_id = $1", site)
    assert row is not None
    assert row["period_start"] < now < row["period_end"]
    assert row["period_end"] - now < timedelta(days=24)
