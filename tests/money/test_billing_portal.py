"""The billing portal: one configuration by us, sessions for the caller's own customer."""

from __future__ import annotations

import asyncio

import pytest

from hingecraft_sandbox.postgres import free_port
from support.members import PLAN, Member, make_price, sell
from support.pods import running_pod
from support.subscribing import copied, subscribe
from support.tokens import SETTINGS

PORTAL = "/api/v1/billing-portal"


@pytest.fixture
async def pod_settings(sandbox):
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    await sandbox.tells(address)
    await sandbox.ask("DELETE", "/_sandbox/book/portal_configurations")
    return {**sandbox.settings, **SETTINGS, "port": port, "public_url": address}


@pytest.fixture
async def ada(dsn, pod_settings, sandbox, conn):
    async with running_pod(dsn, **pod_settings) as running:
        member = Member(running)
        prices = await sell(conn, sandbox, "BASIC_MONTHLY", "PRO_MONTHLY", "MAX_MONTHLY")
        await subscribe(member, sandbox, prices[PLAN])
        await copied(conn, member, status="active")
        yield member


async def configurations(sandbox):
    return (await sandbox.stripe("billing_portal/configurations?limit=100"))["data"]


async def opened(member, **body):
    status, answer = await member.call("POST", PORTAL, body)
    assert status == 200, answer
    return answer["data"]["url"]


async def test_the_portal_offers_our_plans_and_cancelling(ada, sandbox, conn):
    url = await opened(ada)
    (configuration,) = await configurations(sandbox)
    features = configuration["features"]
    plans = await conn.fetch("SELECT price_id FROM credit_prices WHERE active AND kind = 'subscription'")
    offered = {price for product in features["subscription_update"]["products"] for price in product["prices"]}
    assert offered == {row["price_id"] for row in plans}
    assert features["subscription_update"]["proration_behavior"] == "always_invoice"
    assert features["subscription_update"]["schedule_at_period_end"] == {
        "conditions": [{"type": "decreasing_item_amount"}]
    }
    assert features["subscription_cancel"] == {"enabled": True, "mode": "at_period_end"}
    page = await sandbox.ask("GET", url.removeprefix(sandbox.address))
    assert "Change to Credits, 29.00 USD" in page
    assert "https://www.example.com" in page


@pytest.mark.usefixtures("patient")
async def test_ten_calls_at_once_make_one_configuration(ada, sandbox):
    await asyncio.gather(*(opened(ada) for _ in range(10)))
    assert len(await configurations(sandbox)) == 1


async def test_a_second_pod_finds_the_configuration_and_a_new_plan_changes_it(ada, sandbox, conn, dsn, pod_settings):
    await opened(ada)
    (first,) = await configurations(sandbox)
    price = await make_price(sandbox, 1900, interval="month")
    async with running_pod(dsn, **{**pod_settings, "port": free_port()}) as other:
        ada.pod = other
        await opened(ada)
        assert [each["id"] for each in await configurations(sandbox)] == [first["id"]]
        await conn.execute("UPDATE credit_prices SET price_id = $1 WHERE code = 'PRO_MONTHLY' AND active", price)
        await opened(ada)
    (second,) = await configurations(sandbox)
    assert second["id"] == first["id"]
    assert price in str(second["features"])


async def test_a_configuration_that_was_removed_is_made_again(ada, sandbox):
    await opened(ada)
    """Stripe has not forgotten the key of the first one."""
    for _ in range(2):
        await sandbox.ask("DELETE", "/_sandbox/book/portal_configurations")
        await opened(ada)
    assert len(await configurations(sandbox)) == 1


async def test_a_configuration_whose_500_is_kept_is_made_under_another_key(ada, sandbox):
    """Otherwise nobody could open the portal for a day."""
    await sandbox.fault("status_kept", path="billing_portal/configurations", method="POST", times=1)
    await opened(ada)
    assert len(await configurations(sandbox)) == 1


async def test_the_operators_own_configuration_is_used(ada, sandbox, dsn, pod_settings):
    await opened(ada)
    (own,) = await configurations(sandbox)
    await sandbox.change("portal_configurations", own["id"], metadata={})
    fixed = {**pod_settings, "port": free_port(), "stripe_portal_configuration": own["id"]}
    async with running_pod(dsn, **fixed) as other:
        ada.pod = other
        await opened(ada)
    assert [each["id"] for each in await configurations(sandbox)] == [own["id"]]


async def test_a_user_without_purchases_has_no_portal(ada):
    status, answer = await Member(ada.pod).call("POST", PORTAL, {})
    assert (status, answer["code"]) == (404, "no_customer")


async def test_a_customer_that_stripe_has_deleted_has_no_portal(ada, sandbox, conn):
    customer = await conn.fetchval("SELECT customer_id FROM customers WHERE user_id = $1", ada.id)
    await sandbox.change("customers", customer, deleted=True)
    for _ in range(2):
        status, answer = await ada.call("POST", PORTAL, {})
        assert (status, answer["code"]) == (404, "no_customer")


async def test_a_call_without_a_body_returns_to_the_site(ada, sandbox):
    """Also with a header that promises JSON; a body of another kind is still rejected."""
    for headers in ({}, {"Content-Type": "application/json"}):
        status, answer = await ada.call("POST", PORTAL, **headers)
        assert status == 200, answer
        page = await sandbox.ask("GET", answer["data"]["url"].removeprefix(sandbox.address))
        assert "https://www.example.com" in page
    status, answer = await ada.pod.call("POST", PORTAL, headers=ada.headers, data=b"returnUrl=x")
    assert (status, answer["code"]) == (415, "unsupported_media_type")


async def test_the_member_returns_to_allowed_addresses_only(ada):
    for url in ("https://evil.example/", "https://www.example.com@evil.example/", "javascript:alert(1)", ""):
        status, answer = await ada.call("POST", PORTAL, {"returnUrl": url})
        assert (status, answer["code"]) == (400, "return_not_allowed"), url
    status, answer = await ada.call("POST", PORTAL, {"customer": "cus_1"})
    assert (status, list(answer["fields"])) == (400, ["customer"])
