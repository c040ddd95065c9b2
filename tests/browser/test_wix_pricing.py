"""The pricing page of the Wix app in a browser: from the market to the installation, from a site to a paid plan."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from hingecraft.settings import Secret
from hingecraft_sandbox.postgres import free_port
from support.chromium import Page, chromium
from support.folders import open_folder
from support.limits import PROGRESS
from support.pods import Running, running_pod
from support.sandbox import Sandbox
from support.wix_stand_in import WixStandIn

TEXT = "document.body.innerText"


@dataclass
class World:
    """A pod with the app, the stand-in, and one tab."""

    pod: Running
    wix: WixStandIn
    page: Page


@pytest.fixture
async def world(dsn: Secret) -> AsyncIterator[World]:
    with open_folder() as folder:
        sandbox = Sandbox(folder)
        await sandbox.start()
        await sandbox.ready()
        wix, port = WixStandIn(sandbox), free_port()
        address = f"http://127.0.0.1:{port}"
        await wix.switch(backend=address)
        more = await wix.settings(
            port=port, public_url=address, wix_plan_prices="starter=9/90,pro=29/290,agency=79/790",
            wix_app_market_url=wix.api_base,
        )  # fmt: skip
        async with running_pod(dsn, **{**sandbox.settings, **more}) as pod, chromium(folder) as page:
            yield World(pod, wix, page)
        await sandbox.stop()


async def has_pro(world: World, token: str, cycle: str = "monthly") -> None:
    """Wait until Wix's event has arrived."""
    headers = {"Authorization": f"WixInstance {token}"}
    async with asyncio.timeout(PROGRESS):
        while True:
            found = (await world.pod.call("GET", "/api/v1/wix/user/status", headers=headers))[1]["data"]
            if (found["plan"], found["billingCycle"]) == ("pro", cycle):
                return
            await asyncio.sleep(0.05)


async def choose(world: World, cycle: str) -> None:
    await world.page.call("Runtime.evaluate", expression=f"document.querySelector('input[value={cycle}]').click()")


async def on_a_phone(world: World) -> None:
    phone = {"width": 375, "height": 667, "deviceScaleFactor": 1, "mobile": True}
    await world.page.call("Emulation.setDeviceMetricsOverride", **phone)


async def test_the_market_shows_prices_and_leads_to_the_installation(world: World):
    page = world.page
    await page.open(f"{world.pod.public}/wix-pricing")
    await page.until(f"{TEXT}.includes('$29 a month') && {TEXT}.includes('300 credits')")
    await page.screenshot("wix-pricing")
    await choose(world, "YEARLY")
    await page.until(f"{TEXT}.includes('$290 a year')")
    await page.call("Runtime.evaluate", expression="document.querySelector('.plans a').click()")
    await page.until("location.pathname === '/wix'")


async def test_an_owner_upgrades_and_comes_back(world: World):
    page, site = world.page, await world.wix.install()
    token = (await world.wix.tokens(site))["instance"]
    await page.open(f"{world.pod.public}/wix-pricing?instance={token}")
    await page.until(f"{TEXT}.includes('Choose Pro') && {TEXT}.includes('Your plan')")
    await page.tab_to("Choose Pro")
    await page.submit()
    await page.until(f"{TEXT}.includes('Pay and start the plan') && {TEXT}.includes('29.00 USD')")
    await page.tab_to("Pay and start the plan")
    await page.submit()
    await page.until(f"{TEXT}.includes('Thank you') && location.search === '?upgrade=success'")
    assert "Install" not in await page.value(TEXT)
    await page.screenshot("wix-pricing-paid")
    await has_pro(world, token)
    await page.open(f"{world.pod.public}/wix-pricing?instance={token}")
    await page.until(f"{TEXT}.includes('Included in your Pro plan') && {TEXT}.includes('Upgrade to Agency')")
    await page.screenshot("wix-pricing-pro")


async def test_on_a_phone_a_refused_change_is_in_sight(world: World):
    page, site = world.page, await world.wix.install()
    token = (await world.wix.tokens(site))["instance"]
    await on_a_phone(world)
    await page.open(f"{world.pod.public}/wix-pricing?instance={token}")
    await page.until(f"{TEXT}.includes('Choose Agency')")
    assert await page.value("document.documentElement.scrollWidth") == 375
    # Bought in another tab, so that this page offers what Wix does not allow any more.
    await world.wix.act(site, "buy", product="pro", cycle="YEARLY")
    await has_pro(world, token, "yearly")
    await page.tab_to("Choose Agency")
    await page.press("Enter")
    await page.until(f"{TEXT}.includes('This site has the yearly Pro plan')")
    await page.until("(at => at.top >= 0 && at.bottom <= innerHeight)(failure.getBoundingClientRect())")
    await page.screenshot("wix-pricing-refused-phone")


async def test_a_monthly_plan_becomes_a_yearly_one_and_not_the_other_way(world: World):
    page, site = world.page, await world.wix.install()
    token = (await world.wix.tokens(site))["instance"]
    await world.wix.act(site, "buy", product="pro", cycle="MONTHLY")
    await has_pro(world, token)
    await on_a_phone(world)
    await page.open(f"{world.pod.public}/wix-pricing?instance={token}")
    await page.until(f"{TEXT}.includes('Upgrade to Agency')")
    assert "Pay yearly" not in await page.value(TEXT)
    await choose(world, "YEARLY")
    await page.tab_to("Pay yearly")
    await page.submit()
    await page.until(f"{TEXT}.includes('Pay and start the plan') && {TEXT}.includes('290.00 USD')")
    await page.tab_to("Pay and start the plan")
    await page.submit()
    await page.until(f"{TEXT}.includes('Thank you') && location.search === '?upgrade=success'")
    await has_pro(world, token, "yearly")
    await page.open(f"{world.pod.public}/wix-pricing?instance={token}")
    await page.until(f"{TEXT}.includes('$290 a year') && {TEXT}.includes('Upgrade to Agency')")
    assert "Pay yearly" not in await page.value(TEXT)
    await choose(world, "MONTHLY")
    await page.until(f"{TEXT}.includes('To pay monthly instead, cancel it in Wix under Subscriptions')")
    assert "Upgrade" not in await page.value(TEXT), "Wix would reject it"
    assert await page.value("document.documentElement.scrollWidth") == 375
    await page.screenshot("wix-pricing-yearly-phone")


async def test_an_old_token_says_how_to_open_the_page_again(world: World):
    page, site = world.page, await world.wix.install()
    token = (await world.wix.tokens(site, age=5 * 3600))["instance"]
    await page.open(f"{world.pod.public}/wix-pricing?instance={token}")
    await page.until(f"{TEXT}.includes('choose Upgrade') && {TEXT}.includes('Agency')")
    assert "Choose" not in await page.value(TEXT)
