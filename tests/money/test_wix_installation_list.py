"""Wix's list of installations: what a reconciliation finds by it, and which lists change nothing."""

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

SITES = "SELECT instance_id, coalesce(removed_at >= installed_at, false) AS is_removed, plan FROM wix_sites"
TRIALS = "SELECT instance_id, count(*), sum(trial) FROM wix_credits WHERE kind = 'trial' GROUP BY 1"
DUE_AGAIN = "SELECT extract(epoch FROM due_at - now()) / 3600 FROM wix_installation_lists WHERE claimed_until IS NULL"
READ_TODAY = "UPDATE wix_installation_lists SET due_at = due_at - interval '23 hours'"
UNUSED = "Wix's list of installations was not used, and changes nothing: "


@pytest.fixture
async def wix(sandbox: Sandbox) -> WixStandIn:
    """Every webhook is lost; sites of other tests are gone."""
    stand_in = WixStandIn(sandbox)
    await stand_in.clock()
    await sandbox.ask("DELETE", "/_sandbox/book/wix_sites")
    await sandbox.ask("PUT", "/_sandbox/webhooks", json={"enabled": False})
    return stand_in


@pytest.fixture
async def database(dsn: Secret) -> AsyncIterator[Database]:
    database = Database(dsn, application="test-wix-installation-list", largest=8)
    yield database
    await database.close()


@pytest.fixture
async def client(wix: WixStandIn) -> AsyncIterator[WixClient]:
    client = wix.client(installations=wix.installations_url)
    yield client
    await client.close()


async def known(database: Database, wix: WixStandIn, *names: str) -> list[UUID]:
    """Sites that we know to have the app."""
    found = [await wix.install(name) for name in names]
    async with database.transaction() as conn:
        for site in found:
            await sites.installed(conn, site, datetime.now(UTC), None, actor="test", request_id="test")
    return found


async def reconcile(database: Database, client: WixClient, *owners: UUID, **options: Any) -> Summary:
    run = Run(options=Options(**options), summary=Summary(), started=datetime.now(UTC), providers=())
    for step in wix_app_steps(database, client, [str(each) for each in owners]).after_checks:
        await step(run)
    return run.summary


async def removed(conn: asyncpg.Connection) -> dict[UUID, bool]:
    return {row["instance_id"]: row["is_removed"] for row in await conn.fetch(SITES)}


async def test_finds_sites_that_were_missed_with_their_trial_and_plan(
    database: Database, client: WixClient, wix: WixStandIn, conn: asyncpg.Connection
):
    """One of them installed the app for the first time, one again, and one is a copy."""
    [asked] = await known(database, wix, "Known")
    [again] = await known(database, wix, "Again")
    async with database.transaction() as connection:
        await sites.removed(connection, again, datetime.now(UTC), actor="test", request_id="test")
        await connection.execute("INSERT INTO wix_site_settings VALUES ($1, 'widgetTitle', '\"Help\"')", asked)
    new = await wix.install("New")
    await wix.act(new, "buy", product="pro")
    copy = UUID((await wix.act(asked, "duplicate"))["id"])
    was_here = await wix.install("Was here")
    await wix.act(was_here, "remove")
    summary = await reconcile(database, client)
    assert (summary.reasons, summary.wix_sites_found) == ([], 3)
    assert await removed(conn) == {asked: False, again: False, new: False, copy: False}
    assert {row["instance_id"]: row["plan"] for row in await conn.fetch(SITES)}[new] == "pro"
    title = "SELECT value FROM wix_site_settings WHERE instance_id = $1 AND name = 'widgetTitle'"
    assert await conn.fetchval(title, copy) == '"Help"'
    repeated = await reconcile(database, client, every_checkout=True)
    assert repeated.wix_sites_found == 0
    assert {tuple(row) for row in await conn.fetch(TRIALS)} == {(site, 1, 3) for site in (asked, again, new, copy)}


async def test_a_missed_removal_is_believed_when_wix_says_the_same_of_the_site(
    database: Database, client: WixClient, wix: WixStandIn, conn: asyncpg.Connection
):
    """Free sites that were asked about just before: without the list, it would take a week. Five remain, four leave."""
    leave = await known(database, wix, *"ABCD")
    stay = await known(database, wix, *"EFGHI")
    await reconcile(database, client)
    for site in leave:
        await wix.act(site, "remove")
    assert (await reconcile(database, client)).wix_sites_checked == 0
    await conn.execute(READ_TODAY)
    summary = await reconcile(database, client)
    assert (summary.reasons, summary.wix_sites_checked, summary.wix_sites_removed) == ([], 4, 4)
    assert await removed(conn) == dict.fromkeys(leave, True) | dict.fromkeys(stay, False)


async def test_reads_the_list_once_a_day_and_in_one_process(
    database: Database, client: WixClient, wix: WixStandIn, conn: asyncpg.Connection
):
    await known(database, wix, "Known")
    await wix.install("New")
    await wix.sandbox.ask("PUT", "/_sandbox/latency", json={"seconds": 0.2})
    both = await asyncio.gather(reconcile(database, client), reconcile(database, client))
    assert sum(each.wix_sites_found for each in both) == 1
    assert 22.9 < await conn.fetchval(DUE_AGAIN) <= 23
    await wix.install("Newer")
    assert (await reconcile(database, client)).wix_sites_found == 0
    await conn.execute(READ_TODAY)
    dry = await reconcile(database, client, dry_run=True)
    assert (dry.wix_sites_found, len(await removed(conn))) == (1, 2)
    assert (await reconcile(database, client)).wix_sites_found == 1


async def test_reads_every_page_of_our_app_and_no_row_of_another(
    database: Database, client: WixClient, wix: WixStandIn
):
    """More than two pages of a hundred."""
    first = await wix.install("S0")
    names = [first, *[await wix.install(f"S{number}") for number in range(1, 230)]]
    assert client.installations is not None
    assert await client.installations.all(first) == dict.fromkeys(names, True)


@pytest.mark.parametrize(
    ("switch", "said"),
    [
        ({"reads_installations": False}, "Wix answered 403. Add the permission Read App Installations to the app"),
        ({"installations": "unfiltered"}, "an installation is of another app. It is read again in an hour"),
        ({"installations": "endless"}, "the list does not end. It is read again in an hour"),
    ],
    ids=["no permission", "another app", "endless"],
)
async def test_a_list_that_cannot_be_used_changes_nothing(
    database: Database, client: WixClient, wix: WixStandIn, conn: asyncpg.Connection, switch: dict[str, Any], said: str
):
    """The sites that are due are asked about as before."""
    pays, _ = await known(database, wix, "Pays", "Free")
    await wix.act(pays, "buy", product="pro")
    await wix.install("New")
    await wix.switch(**switch)
    summary = await reconcile(database, client)
    [reason] = summary.reasons
    assert reason.startswith(UNUSED)
    assert said in reason
    assert (summary.errors, summary.wix_sites_found, summary.wix_plans_changed) == (1, 0, 1)
    assert len(await removed(conn)) == 2
    assert 0.9 < await conn.fetchval(DUE_AGAIN) <= 1
    await wix.switch()
    await conn.execute(READ_TODAY)
    assert (await reconcile(database, client)).wix_sites_found == 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"act": "garbage"}, "cannot be read. It is read again in an hour"),
        ({"act": "status_before", "status": 404}, "404. Compare WIX_INSTALLATIONS_URL"),
        ({"act": "status_before", "status": 401}, "401. Add the permission"),
    ],
    ids=["garbage", "another address", "unauthorized"],
)
async def test_a_list_that_wix_does_not_answer_changes_nothing(
    database: Database, client: WixClient, wix: WixStandIn, conn: asyncpg.Connection, fault: dict[str, Any], said: str
):
    [site] = await known(database, wix, "Known")
    await wix.install("New")
    await wix.sandbox.fault(**fault, provider="wix", path="/app-installations/", times=100)
    summary = await reconcile(database, client)
    [reason] = summary.reasons
    assert reason.startswith(UNUSED)
    assert said in reason
    assert (summary.wix_sites_checked, await removed(conn)) == (1, {site: False})


async def test_a_list_whose_second_page_fails_changes_nothing(
    database: Database, client: WixClient, wix: WixStandIn, conn: asyncpg.Connection
):
    """The first page alone says that the oldest sites are gone."""
    await wix.clock(datetime.now(UTC) - timedelta(days=1))
    old = await known(database, wix, *"ABC")
    await wix.clock()
    for number in range(101):
        await wix.install(f"S{number}")
    await wix.switch(installations="expired")
    summary = await reconcile(database, client)
    assert [reason.startswith(UNUSED) for reason in summary.reasons] == [True]
    assert await removed(conn) == dict.fromkeys(old, False)


async def test_a_list_without_most_sites_is_not_believed(
    database: Database, client: WixClient, wix: WixStandIn, conn: asyncpg.Connection
):
    """As when Wix shows the installations of another account."""
    here = await known(database, wix, *"ABCDE")
    await reconcile(database, client)
    for site in here[:4]:
        await wix.act(site, "remove")
    await conn.execute(READ_TODAY)
    summary = await reconcile(database, client)
    assert "4 sites of 5 do not have the app by it, too many to believe" in summary.reasons[0]
    assert (summary.wix_sites_checked, await removed(conn)) == (0, dict.fromkeys(here, False))


async def test_a_site_that_wix_lists_and_does_not_confirm_stays_unknown(
    database: Database, client: WixClient, wix: WixStandIn, conn: asyncpg.Connection
):
    """Wix is asked about a site itself before its list is believed, in both directions."""
    [asked] = await known(database, wix, "Known")
    new = await wix.install("New")
    await wix.sandbox.fault("status_before", provider="wix", path="/apps/v1/instance", status=400, times=100)
    assert (await reconcile(database, client)).wix_sites_found == 0
    assert await removed(conn) == {asked: False}
    assert 0.9 < await conn.fetchval(DUE_AGAIN) <= 1
    await wix.sandbox.ask("DELETE", "/_sandbox/faults")
    await conn.execute(READ_TODAY)
    assert (await reconcile(database, client)).wix_sites_found == 1
    assert new in await removed(conn)


async def test_the_first_site_is_found_for_the_owner(
    database: Database, client: WixClient, wix: WixStandIn, conn: asyncpg.Connection
):
    """Wix answers only to the app on a site: one must be known, or named in the settings."""
    owner = await wix.install("Owner")
    summary = await reconcile(database, client)
    assert "Name one in WIX_OWNER_INSTANCES" in summary.reasons[0]
    await conn.execute(READ_TODAY)
    assert (await reconcile(database, client, owner)).wix_sites_found == 1
    assert await removed(conn) == {owner: False}


async def test_the_command_reads_the_list_where_its_address_is_set(
    database: Database, wix: WixStandIn, dsn: Secret, conn: asyncpg.Connection
):
    await known(database, wix, "Known")
    await wix.install("New")
    settings = await wix.settings(wix_installations_url=wix.installations_url)
    environment = {name.upper(): value for name, value in settings.items()}
    nobody = {"STRIPE_SECRET": "", "NOWPAYMENTS_API_KEY": "", **environment}
    code, said, complained = await command(dsn, nobody, "reconcile", "--once")
    assert code == 0, complained
    assert (summary_of(said)["wix_sites_found"], len(await removed(conn))) == (1, 2)
