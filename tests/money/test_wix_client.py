"""Our client of Wix's API, at the stand-in: what it understands, repeats and reports."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderKeyError, ProviderRejectedError, ProviderUnknownError
from hingecraft.wix_app.client.calls import NotInstalledError
from hingecraft.wix_app.client.client import BiEvent, WixClient
from support.limits import PROGRESS
from support.sandbox import Sandbox
from support.wix_stand_in import WixStandIn


@pytest.fixture
async def wix(sandbox: Sandbox) -> WixStandIn:
    return WixStandIn(sandbox)


@pytest.fixture
async def client(wix: WixStandIn) -> AsyncIterator[WixClient]:
    client = wix.client()
    yield client
    await client.close()


def soon() -> Deadline:
    return Deadline.within(PROGRESS)


async def test_reads_a_site_before_and_after_it_pays(wix: WixStandIn, client: WixClient):
    site = await wix.install()
    free = await client.app_instance(site, soon())
    assert (free.instance_id, free.billing, free.owner_email) == (site, None, "owner@lakeside.example")
    await wix.act(site, "buy", product="pro", cycle="MONTHLY")
    monthly = (await client.app_instance(site, soon())).billing
    assert monthly is not None
    assert (monthly.product, monthly.cycle, monthly.ends_at, monthly.renews) == ("pro", "MONTHLY", None, True)
    await wix.act(site, "buy", product="pro", cycle="YEARLY")
    await wix.act(site, "cancel")
    yearly = (await client.app_instance(site, soon())).billing
    assert yearly is not None
    assert yearly.ends_at is not None
    assert not yearly.renews
    assert yearly.invoice_id != monthly.invoice_id
    assert yearly.started_at is not None
    assert 360 < (yearly.ends_at - yearly.started_at).days < 370
    assert [(each.product, each.price) for each in await client.purchases(site, soon())] == [
        ("pro", "290.00"),
        ("pro", "29.00"),
    ]


async def test_makes_a_checkout_that_can_be_paid(wix: WixStandIn, client: WixClient):
    site = await wix.install()
    url = await client.checkout_url(site, "starter", "YEARLY", "https://pay.example.com/back", soon())
    await wix.sandbox.ask("POST", f"/{url.partition('//')[2].partition('/')[2]}/pay", allow_redirects=False)
    assert (await wix.site(site))["plan"]["cycle"] == "YEARLY"
    await wix.switch(pricing_page=False)
    with pytest.raises(ProviderRejectedError, match="400"):
        await client.checkout_url(site, "starter", "YEARLY", "https://pay.example.com/back", soon())


async def test_refuses_a_checkout_on_another_host(wix: WixStandIn, client: WixClient):
    site = await wix.install()
    await wix.sandbox.fault("bad_url", provider="wix", path="/checkout", url="https://elsewhere.example/pay")
    with pytest.raises(ProviderRejectedError, match="own host"):
        await client.checkout_url(site, "starter", "MONTHLY", "https://pay.example.com/back", soon())


async def test_tells_wix_of_an_owners_steps(wix: WixStandIn, client: WixClient):
    site = await wix.install()
    for event in BiEvent:
        await client.send(site, event, soon())
    assert {each["name"] for each in (await wix.site(site))["biEvents"]} == {*BiEvent}


async def test_token_info_is_the_same_with_numbers_and_texts(wix: WixStandIn, client: WixClient):
    site = await wix.install()
    tokens = await wix.tokens(site)
    for numbers in ("numbers", "texts"):
        await wix.switch(numbers=numbers)
        for token in tokens.values():
            info = await client.token_info(token, soon())
            assert info is not None
            assert (info.subject, info.instance_id) == ("USER", site)
            assert info.issued_at is not None
            assert (info.expires_at - info.issued_at).total_seconds() == 4 * 3600
    assert await client.token_info("OauthNG.JWS.unknown", soon()) is None


@pytest.mark.parametrize(
    "fault",
    [
        {"act": "status_before", "status": 503},
        {"act": "status_before", "status": 429, "retry_after": 1},
        {"act": "garbage"},
        {"act": "half_body"},
    ],
    ids=["down", "throttled", "garbage", "half"],
)
async def test_repeats_what_failed_for_a_moment(wix: WixStandIn, client: WixClient, fault: dict[str, Any]):
    site = await wix.install()
    await wix.sandbox.fault(**fault, provider="wix", path="/apps/v1/instance")
    assert (await client.app_instance(site, soon())).instance_id == site


async def test_reads_an_answer_that_comes_in_pieces(wix: WixStandIn, client: WixClient):
    """As a long one does."""
    site = await wix.install()
    await wix.sandbox.fault("pieces", provider="wix", seconds=0.05, times=100)
    assert (await client.app_instance(site, soon())).instance_id == site


async def test_gives_up_in_time_while_wix_is_down(wix: WixStandIn, client: WixClient):
    site = await wix.install()
    await wix.sandbox.fault("status_before", provider="wix", status=500, times=100)
    with pytest.raises(ProviderUnknownError, match="500"):
        await client.app_instance(site, Deadline.within(2))
    await wix.sandbox.ask("DELETE", "/_sandbox/faults")
    await wix.sandbox.fault("slow", provider="wix", seconds=60, times=100)
    with pytest.raises(ProviderUnknownError, match="no answer"):
        await client.app_instance(site, Deadline.within(1.5))


async def test_asks_for_a_new_token_when_the_old_one_is_revoked(wix: WixStandIn, client: WixClient):
    """As in the middle of a long work, when the app's secret was rotated at Wix."""
    site = await wix.install()
    await client.app_instance(site, soon())
    await wix.sandbox.ask("DELETE", "/_sandbox/wix/tokens")
    assert (await client.app_instance(site, soon())).instance_id == site


async def test_one_token_serves_many_calls(wix: WixStandIn, client: WixClient):
    site = await wix.install()
    await client.app_instance(site, soon())
    await wix.sandbox.fault("status_before", provider="wix", path="/oauth2/token", status=500, times=100)
    assert (await client.app_instance(site, soon())).instance_id == site


async def test_a_wrong_secret_does_not_count_as_a_removal(wix: WixStandIn):
    site = await wix.install()
    wrong = wix.client("another-app-secret")
    try:
        with pytest.raises(ProviderKeyError):
            await wrong.app_instance(site, soon())
    finally:
        await wrong.close()


async def test_says_that_the_app_is_not_installed(wix: WixStandIn, client: WixClient):
    """Also with a token of the time when it was."""
    site = await wix.install()
    await client.app_instance(site, soon())
    await wix.act(site, "remove")
    with pytest.raises(NotInstalledError):
        await client.app_instance(site, soon())


async def test_keeps_to_the_limit_of_each_site(wix: WixStandIn, client: WixClient):
    """At 200 a minute, eight calls at once take more than a second; another site does not wait for them.

    On a slow machine the eight may be done before the other: so more of them wait, and are not waited for.
    """
    site, other = await wix.install(), await wix.install("Hillside")
    started = asyncio.get_running_loop().time()
    many = [asyncio.create_task(client.app_instance(site, soon())) for _ in range(100)]
    await client.app_instance(other, soon())
    assert not all(each.done() for each in many)
    await asyncio.gather(*many[:8])
    assert asyncio.get_running_loop().time() - started > 1
    for each in many:
        each.cancel()
    await asyncio.gather(*many, return_exceptions=True)


async def test_waits_when_wix_says_that_it_is_too_much(wix: WixStandIn, client: WixClient):
    site = await wix.install()
    await wix.switch(per_minute=1)
    await client.app_instance(site, soon())
    with pytest.raises(ProviderRejectedError, match="429") as raised:
        await client.app_instance(site, Deadline.within(2))
    assert raised.value.passing
