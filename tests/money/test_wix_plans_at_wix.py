"""A site installs, buys, cancels and is refunded at the stand-in for Wix; plan and credits follow, in a real pod."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from hingecraft.settings import Secret
from hingecraft_sandbox.postgres import free_port
from support.limits import PROGRESS
from support.pods import Running, running_pod
from support.reconciling import command, summary_of
from support.sandbox import Sandbox
from support.wix_stand_in import WixStandIn

STATUS = "/api/v1/wix/user/status"


@pytest.fixture
async def wix(sandbox: Sandbox) -> AsyncIterator[WixStandIn]:
    stand_in = WixStandIn(sandbox)
    await stand_in.clock()
    yield stand_in
    await stand_in.clock()


@pytest.fixture
async def pod(dsn: Secret, wix: WixStandIn) -> AsyncIterator[Running]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    await wix.switch(backend=address, minute=0.05)
    more = await wix.settings(port=port, public_url=address)
    async with running_pod(dsn, **{**wix.sandbox.settings, **more}) as running:
        yield running


async def status(pod: Running, wix: WixStandIn, site: UUID) -> dict[str, Any]:
    token = (await wix.tokens(site))["instance"]
    code, answer = await pod.call("GET", STATUS, headers={"Authorization": f"WixInstance {token}"})
    assert code == 200, answer
    found: dict[str, Any] = answer["data"]
    return found


async def until(pod: Running, wix: WixStandIn, site: UUID, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    try:
        async with asyncio.timeout(PROGRESS):
            while not holds(found := await status(pod, wix, site)):
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"it stays at {found}") from None
    return found


async def test_a_site_buys_changes_cancels_and_is_refunded(pod: Running, wix: WixStandIn):
    site = await wix.install()
    free = await until(pod, wix, site, lambda found: found["credits"] == 3)
    assert (free["plan"], free["isTrial"]) == ("free", True)
    await wix.act(site, "buy", product="starter")
    starter = await until(pod, wix, site, lambda found: found["plan"] == "starter")
    assert (starter["credits"], starter["billingSource"]) == (53, "wix")
    assert datetime.fromisoformat(starter["currentPeriodEnd"]) > datetime.now(UTC) + timedelta(days=27)
    await wix.act(site, "buy", product="pro", cycle="YEARLY")
    await until(pod, wix, site, lambda found: found["plan"] == "pro" and found["credits"] == 103)
    await wix.act(site, "cancel")
    await until(pod, wix, site, lambda found: bool(found["cancelAtPeriodEnd"]))
    await wix.act(site, "refund")
    await until(pod, wix, site, lambda found: found["credits"] == 3)
    assert "<dd>3, of them 3 for trial</dd>" in await wix.sandbox.ask("GET", f"/wix/sites/{site}")
    await wix.act(site, "cancel-now")
    ended = await until(pod, wix, site, lambda found: found["plan"] == "free")
    assert ended["trialCreditsRemaining"] == 3


async def test_what_ends_at_once_has_ended_also_where_the_clock_of_wix_is_ahead(pod: Running, wix: WixStandIn):
    await wix.clock(datetime.now(UTC) + timedelta(days=31))
    site = await wix.install()
    await wix.act(site, "buy", product="starter")
    await until(pod, wix, site, lambda found: found["plan"] == "starter")
    await wix.act(site, "cancel-now")
    await until(pod, wix, site, lambda found: found["plan"] == "free")


async def asked_for_checkout(pod: Running, wix: WixStandIn, site: UUID, plan: str, cycle: str) -> dict[str, Any]:
    headers = {"Authorization": f"WixInstance {(await wix.tokens(site))['instance']}"}
    body = {"planId": plan, "cycle": cycle}
    return (await pod.call("POST", "/api/v1/wix/billing/checkout-url", json=body, headers=headers))[1]


async def checkout(pod: Running, wix: WixStandIn, site: UUID, plan: str, cycle: str) -> str:
    """The code of the rejection, or nothing."""
    return str((await asked_for_checkout(pod, wix, site, plan, cycle)).get("code", ""))


async def test_wix_lets_us_offer_no_smaller_plan_and_no_way_back_to_monthly(pod: Running, wix: WixStandIn):
    site = await wix.install()
    await wix.act(site, "buy", product="pro", cycle="YEARLY")
    await until(pod, wix, site, lambda found: found["plan"] == "pro")
    codes = {
        (plan, cycle): await checkout(pod, wix, site, plan, cycle)
        for plan in ("starter", "pro", "agency")
        for cycle in ("monthly", "yearly")
    }
    assert codes == {
        ("starter", "monthly"): "downgrade", ("starter", "yearly"): "downgrade",
        ("pro", "monthly"): "yearly_to_monthly", ("pro", "yearly"): "already_subscribed",
        ("agency", "monthly"): "yearly_to_monthly", ("agency", "yearly"): "",
    }  # fmt: skip
    await wix.act(site, "cancel")
    await until(pod, wix, site, lambda found: found["cancelAtPeriodEnd"])
    again = await asked_for_checkout(pod, wix, site, "pro", "yearly")
    assert "turn its renewal on again in Wix under Subscriptions" in again["error"]
    await wix.act(site, "cancel-now")
    await until(pod, wix, site, lambda found: found["plan"] == "free")
    assert await checkout(pod, wix, site, "starter", "monthly") == ""


async def test_a_payment_at_wixs_checkout_starts_the_plan(pod: Running, wix: WixStandIn):
    site = await wix.install()
    headers = {"Authorization": f"WixInstance {(await wix.tokens(site))['accessToken']}"}
    body = {"planId": "agency-monthly"}
    _, answer = await pod.call("POST", "/api/v1/wix/billing/checkout-url", json=body, headers=headers)
    path = answer["data"]["checkoutUrl"].removeprefix(wix.sandbox.address)
    assert "79.00 USD" in await wix.sandbox.ask("GET", path)
    async with pod.client.post(wix.sandbox.address + path + "/pay", allow_redirects=False) as response:
        assert response.headers["Location"] == f"{pod.pod.settings.public_url}/wix-pricing?upgrade=success"
    found = await until(pod, wix, site, lambda found: found["plan"] == "agency")
    assert found["credits"] == 303


async def test_doubled_and_shuffled_events_end_at_the_same_plan(pod: Running, wix: WixStandIn):
    await wix.sandbox.ask("PUT", "/_sandbox/webhooks", json={"times": 3, "shuffled": True})
    site = await wix.install()
    await wix.act(site, "buy", product="starter")
    await wix.act(site, "buy", product="pro")
    await wix.act(site, "cancel")
    await wix.act(site, "reactivate")
    found = await until(pod, wix, site, lambda found: found["plan"] == "pro" and not found["cancelAtPeriodEnd"])
    async with asyncio.timeout(PROGRESS):
        while [each for each in (await wix.site(site))["events"] if len(each["attempts"]) < 3]:
            await asyncio.sleep(0.05)
    found = await until(pod, wix, site, lambda found: found["plan"] == "pro" and not found["cancelAtPeriodEnd"])
    assert (found["credits"], found["trialCreditsRemaining"]) == (103, 3)


async def test_a_failed_payment_is_shown_until_it_is_paid(pod: Running, wix: WixStandIn):
    """Events of invoices are ordered by whole seconds, so the plan was bought a day ago."""
    now = datetime.now(UTC)
    await wix.clock(now - timedelta(days=1))
    site = await wix.install()
    await wix.act(site, "buy", product="pro")
    await wix.clock()
    await until(pod, wix, site, lambda found: found["plan"] == "pro")
    await wix.act(site, "fail")
    await until(pod, wix, site, lambda found: found["paymentFailedAt"] is not None)
    await wix.act(site, "void")
    await wix.act(site, "pay")
    found = await until(pod, wix, site, lambda found: found["paymentFailedAt"] is None)
    assert (found["plan"], found["credits"]) == ("pro", 103)


async def test_a_renewal_is_found_though_wix_is_down_and_its_tokens_are_revoked(pod: Running, wix: WixStandIn):
    """By Wix's clock the plan was bought forty days ago, and Wix is down until it renews."""
    now = datetime.now(UTC)
    await wix.clock(now - timedelta(days=40))
    await wix.sandbox.fault("status_before", provider="wix", path="/apps/v1/instance", status=503, times=100_000)
    site = await wix.install()
    await wix.act(site, "buy", product="pro")
    first = await until(pod, wix, site, lambda found: found["plan"] == "pro")
    assert first["currentPeriodEnd"] < now.isoformat()
    await wix.clock()
    await wix.sandbox.ask("DELETE", "/_sandbox/wix/tokens")
    await wix.sandbox.ask("DELETE", "/_sandbox/faults")
    found = await until(pod, wix, site, lambda found: found["currentPeriodEnd"] > now.isoformat())
    assert found["credits"] == 103


@pytest.mark.usefixtures("few_links")
async def test_what_expired_resends_have_lost_is_found_by_a_reconciliation(pod: Running, wix: WixStandIn, dsn: Secret):
    site = await wix.install()
    await until(pod, wix, site, lambda found: found["credits"] == 3)
    await wix.switch(backend=pod.public, minute=0.01, expired_from=1)
    await wix.act(site, "buy", product="pro")
    async with asyncio.timeout(PROGRESS):
        while (attempts := (await wix.site(site))["events"][1]["attempts"]) == []:
            await asyncio.sleep(0.05)
    assert attempts[0]["status"] == 401
    assert (await status(pod, wix, site))["plan"] == "free"
    settings = await wix.settings()
    environment = wix.sandbox.environment | {name.upper(): str(value) for name, value in settings.items()}
    code, said, complaint = await command(dsn, environment, "reconcile", "--once", "--all")
    assert code == 0, said + complaint
    summary = summary_of(said)
    assert (summary["wix_sites_checked"], summary["wix_plans_changed"]) == (1, 1)
    assert (await status(pod, wix, site))["plan"] == "pro"
