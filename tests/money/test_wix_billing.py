"""A site's owner buys plans through our backend: the pod and the stand-in for Wix, with everything between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from hingecraft.settings import Secret
from hingecraft.wix_app.plans.store import set_product
from hingecraft_sandbox.postgres import free_port
from support.limits import PROGRESS
from support.pods import Running, running_pod
from support.sandbox import Sandbox
from support.wix_stand_in import WixStandIn

CHECKOUT, STATUS = "/api/v1/wix/billing/checkout-url", "/api/v1/wix/user/status"


@pytest.fixture
async def wix(sandbox: Sandbox) -> WixStandIn:
    return WixStandIn(sandbox)


@pytest.fixture
async def pod(dsn: Secret, wix: WixStandIn) -> AsyncIterator[Running]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    await wix.switch(backend=address)
    more = await wix.settings(
        port=port, public_url=address, wix_bi_events=True, wix_plan_prices="starter=9/90,pro=29/290"
    )
    async with running_pod(dsn, **{**wix.sandbox.settings, **more}) as running:
        yield running


async def headers(wix: WixStandIn, site: UUID, kind: str = "instance", **how: Any) -> dict[str, str]:
    return {"Authorization": f"WixInstance {(await wix.tokens(site, **how))[kind]}"}


async def url(pod: Running, wix: WixStandIn, site: UUID, plan: str, cycle: str | None = None) -> tuple[int, Any]:
    body = {"planId": plan, **({"cycle": cycle} if cycle else {})}
    status, answer = await pod.call("POST", CHECKOUT, json=body, headers=await headers(wix, site))
    return status, answer["data"]["checkoutUrl"] if status == 200 else answer


async def pay(wix: WixStandIn, checkout: str) -> None:
    await wix.sandbox.ask("POST", checkout.removeprefix(wix.sandbox.address) + "/pay", allow_redirects=False)


async def test_access_tokens_of_an_open_page_are_accepted_and_visitors_are_not(pod: Running, wix: WixStandIn):
    site = await wix.install()
    for kind in ("instance", "accessToken"):
        assert (await pod.call("GET", STATUS, headers=await headers(wix, site, kind)))[0] == 200
        for caller in ("visitor", "member"):
            status, answer = await pod.call("GET", STATUS, headers=await headers(wix, site, kind, caller=caller))
            assert (status, answer["code"]) == (401, "invalid_wix_instance")


async def test_a_checkout_asks_wix_for_the_plan_and_its_cycle(pod: Running, wix: WixStandIn):
    site = await wix.install()
    for name, cycle, meant in (
        ("Starter", None, "MONTHLY"),
        ("pro-yearly", None, "YEARLY"),
        ("pro-yearly", "monthly", "MONTHLY"),
    ):
        status, checkout = await url(pod, wix, site, name, cycle)
        assert status == 200, checkout
        page = await wix.sandbox.ask("GET", checkout.removeprefix(wix.sandbox.address))
        assert meant.lower() in page
    assert (await url(pod, wix, site, "free"))[1]["code"] == "unknown_plan"
    assert (await url(pod, wix, site, "platinum"))[1]["code"] == "unknown_plan"
    async with asyncio.timeout(PROGRESS):
        while not (await wix.site(site))["biEvents"]:
            await asyncio.sleep(0.02)


async def test_a_product_of_one_cycle_is_sold_in_that_cycle(pod: Running, wix: WixStandIn, conn: asyncpg.Connection):
    """The stand-in's product ids are names of plans: here two of them are the agency's."""
    for product, cycle in (("pro", "MONTHLY"), ("starter", "YEARLY")):
        assert await set_product(conn, product, "agency", cycle)
    site = await wix.install()
    for cycle, price in (("monthly", "29.00 USD"), ("yearly", "90.00 USD")):
        status, checkout = await url(pod, wix, site, "agency", cycle)
        assert status == 200, checkout
        assert price in await wix.sandbox.ask("GET", checkout.removeprefix(wix.sandbox.address))


async def test_says_what_to_do_while_wix_is_down_or_refuses(pod: Running, wix: WixStandIn):
    site = await wix.install()
    await wix.sandbox.fault("status_before", provider="wix", path="/apps/v1/checkout", status=503, times=100)
    status, answer = await url(pod, wix, site, "pro")
    assert (status, answer["code"]) == (502, "provider_unavailable")
    await wix.sandbox.ask("DELETE", "/_sandbox/faults")
    await wix.switch(backend=pod.public, pricing_page=False)
    status, answer = await url(pod, wix, site, "pro")
    assert (status, answer["code"]) == (502, "provider_refused")
