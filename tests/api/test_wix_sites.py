"""Sites of the Wix app: known by their owner's call or by Wix's event, with one trial, whichever comes first."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from support import wix
from support.pods import running_pod

ENTRIES = "SELECT kind, trial FROM wix_credits WHERE instance_id = $1 ORDER BY id"


@pytest.fixture
async def pod(dsn):
    async with running_pod(dsn, **wix.settings()) as pod:
        yield pod


async def test_the_first_call_of_an_owner_makes_the_site_with_its_trial(pod, conn):
    site = uuid4()
    assert await wix.status_of(pod, site) == {
        "userId": str(site), "email": None, "plan": "free", "billingCycle": None, "credits": 3, "creditsUsed": 0,
        "billingSource": "none",
        "isTrial": True, "trialCreditsRemaining": 3, "currentPeriodEnd": None, "cancelAtPeriodEnd": False,
        "paymentFailedAt": None,
    }  # fmt: skip
    # The event comes after the call, twice, and again at a reinstallation.
    await wix.tell(pod, "AppInstalled", site, {"appId": wix.APP_ID})
    await wix.tell(pod, "AppInstalled", site, {"appId": wix.APP_ID})
    later = int((datetime.now(UTC) + timedelta(seconds=50)).timestamp())
    await wix.tell(pod, "AppInstalled", site, {"appId": wix.APP_ID}, iat=later)
    await wix.until_processed(conn)
    assert (await wix.status_of(pod, site))["credits"] == 3
    assert [tuple(row) for row in await conn.fetch(ENTRIES, site)] == [("trial", 3)]


@pytest.mark.usefixtures("patient")
async def test_racing_calls_and_events_make_one_site_and_one_trial(pod, conn):
    site = uuid4()
    calls = [pod.call("GET", wix.STATUS, headers=wix.owner(site)) for _ in range(10)]
    events = [wix.tell(pod, "AppInstalled", site, {"appId": wix.APP_ID}) for _ in range(5)]
    answers = (await asyncio.gather(*calls, *events))[:10]
    assert {(status, answer["data"]["credits"]) for status, answer in answers} == {(200, 3)}
    await wix.until_processed(conn)
    assert [tuple(row) for row in await conn.fetch(ENTRIES, site)] == [("trial", 3)]


async def test_a_removed_site_is_shut_out_until_the_app_is_installed_again(pod, conn):
    site = uuid4()
    now = datetime.now(UTC).replace(microsecond=0)
    before = wix.owner(site, at=now - timedelta(minutes=2))
    assert (await pod.call("GET", wix.STATUS, headers=before))[0] == 200
    await wix.tell(pod, "AppRemoved", site, {"appId": wix.APP_ID}, iat=int((now - timedelta(minutes=1)).timestamp()))
    await wix.until_processed(conn)
    assert await wix.code_of(pod, before) == "401 invalid_wix_instance"
    _, answer = await pod.call("GET", wix.STATUS, headers=before)
    assert answer["error"] == "The app has been removed from this site. Install it again to use it."
    # A late copy of an installation from before the removal changes nothing.
    await wix.tell(pod, "AppInstalled", site, iat=int((now - timedelta(minutes=3)).timestamp()))
    await wix.until_processed(conn)
    assert await wix.code_of(pod, before) == "401 invalid_wix_instance"
    # Wix signs tokens only where the app is installed, so its event may still be on its way.
    assert (await wix.status_of(pod, site))["credits"] == 3
    assert (await pod.call("GET", wix.STATUS, headers=before))[0] == 200


async def test_a_late_installation_that_names_the_origin_does_not_undo_a_later_one(pod, conn):
    site, now = uuid4(), int(datetime.now(UTC).timestamp())
    await wix.tell(pod, "AppRemoved", site, iat=now - 60)
    await wix.until_processed(conn)
    await wix.status_of(pod, site)
    await wix.tell(pod, "AppInstalled", site, {"originInstanceId": str(uuid4())}, iat=now - 120)
    await wix.until_processed(conn)
    assert await conn.fetchval("SELECT installed_at > removed_at FROM wix_sites WHERE instance_id = $1", site)


async def test_a_removal_that_is_the_first_news_of_a_site_shuts_it_out(pod, conn):
    site = uuid4()
    now = int(datetime.now(UTC).timestamp())
    await wix.tell(pod, "AppRemoved", site, {"appId": wix.APP_ID}, iat=now - 60)
    await wix.tell(pod, "AppInstalled", site, {"appId": wix.APP_ID}, iat=now - 120)
    await wix.until_processed(conn)
    old = wix.owner(site, at=datetime.fromtimestamp(now - 90, UTC))
    assert await wix.code_of(pod, old) == "401 invalid_wix_instance"
