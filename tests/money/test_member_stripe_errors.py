"""Stripe answers a member's call with 429, or with a 500 that it keeps for the key: nothing is made twice."""

from __future__ import annotations

import pytest

from support.members import CHECKOUT, PACK, PLAN, pod_for_members, sell
from support.money import becomes
from support.reconciling import old, reconcile

PORTAL = "/api/v1/billing-portal"
KEY = {"Idempotency-Key": "a-key-of-a-member"}
# Longer than a member waits, so that the call is not repeated.
LATER = {"retry_after": 60, "status": 429}
PAYMENTS = "SELECT status FROM payments WHERE user_id = $1 ORDER BY created_at"


@pytest.fixture
async def pod(dsn, sandbox):
    async with pod_for_members(dsn, sandbox) as running:
        yield running


@pytest.fixture
async def prices(conn, sandbox):
    return await sell(conn, sandbox, PACK, PLAN)


async def ask(member, path, body):
    async with member.pod.client.post(
        member.pod.public + path, json=body, headers={**member.headers, **KEY}
    ) as response:
        return response.status, response.headers.get("Retry-After"), await response.json()


async def made(member, sandbox):
    """The customers and the sessions that Stripe has made for the member."""
    customers = (await sandbox.stripe("customers?limit=100"))["data"]
    sessions = (await sandbox.stripe("checkout/sessions?limit=100"))["data"]
    return (
        [each["id"] for each in customers if each["metadata"].get("userId") == str(member.id)],
        [each["id"] for each in sessions if each["client_reference_id"] == str(member.id)],
    )


async def statuses(conn, member):
    return [row["status"] for row in await conn.fetch(PAYMENTS, member.id)]


@pytest.mark.parametrize("code", [PACK, PLAN])
async def test_a_checkout_that_stripe_is_too_busy_for_can_be_repeated(ada, sandbox, conn, prices, code):
    await sandbox.fault("status_before", path="checkout/sessions", method="POST", times=1, **LATER)
    status, wait, answer = await ask(ada, CHECKOUT, {"priceId": prices[code]})
    assert (status, wait, answer["code"]) == (502, "5", "provider_busy")
    assert answer["error"] == ("The payment provider has too many requests right now. Try again in a few seconds.")
    status, _, answer = await ask(ada, CHECKOUT, {"priceId": prices[code]})
    assert status == 201, answer
    (_,), sessions = await made(ada, sandbox)
    assert sessions == [answer["data"]["sessionId"]]
    assert await statuses(conn, ada) == ["failed", "pending"]


async def test_a_first_purchase_that_stripe_is_too_busy_for_can_be_repeated(ada, sandbox, conn, prices):
    """The customer is made first: without one, no payment is begun."""
    await sandbox.fault("status_before", path="customers", method="POST", times=1, **LATER)
    status, wait, answer = await ask(ada, CHECKOUT, {"priceId": prices[PACK]})
    assert (status, wait, answer["code"]) == (502, "5", "provider_busy")
    assert answer["error"] == "The payment provider has too many requests right now. Try again in a few seconds."
    assert await statuses(conn, ada) == []
    status, _, answer = await ask(ada, CHECKOUT, {"priceId": prices[PACK]})
    assert status == 201, answer
    (_,), sessions = await made(ada, sandbox)
    assert sessions == [answer["data"]["sessionId"]]


@pytest.mark.parametrize("code", [PACK, PLAN])
async def test_a_checkout_whose_500_is_kept_is_over_once_stripe_has_nothing(
    ada, sandbox, conn, dsn, settings, prices, code
):
    """Stripe repeats the 500 for a day to anyone who sends the key, so the payment gets another one."""
    await sandbox.fault("status_kept", path="checkout/sessions", method="POST", times=1)
    for _ in range(2):
        status, wait, answer = await ask(ada, CHECKOUT, {"priceId": prices[code]})
        assert (status, wait, answer["code"]) == (502, "60", "provider_unavailable")
        assert answer["error"] == "The payment provider cannot be reached right now. Try again in a minute."
    assert await statuses(conn, ada) == ["unknown"]
    await old(conn)
    await reconcile(dsn, settings)
    # The pod's own recoverer may be faster.
    await becomes(conn, str(await conn.fetchval("SELECT id FROM payments WHERE user_id = $1", ada.id)), "expired")
    status, _, answer = await ask(ada, CHECKOUT, {"priceId": prices[code]})
    assert status == 201, answer
    (_,), sessions = await made(ada, sandbox)
    assert sessions == [answer["data"]["sessionId"]]
    assert await statuses(conn, ada) == ["expired", "pending"]


async def test_a_customer_whose_500_is_kept_is_made_under_another_key(ada, sandbox, conn, prices):
    await sandbox.fault("status_kept", path="customers", method="POST", times=1)
    bought = [await ada.buy(prices[PACK]) for _ in range(2)]
    (customer,), sessions = await made(ada, sandbox)
    assert sorted(sessions) == sorted(each["sessionId"] for each in bought)
    assert await conn.fetchval("SELECT customer_id FROM customers WHERE user_id = $1", ada.id) == customer


async def test_the_portal_that_stripe_is_too_busy_for_opens_later(ada, sandbox, prices):
    await ada.buy(prices[PACK])
    await sandbox.fault("status_before", path="billing_portal/sessions", method="POST", times=1, **LATER)
    status, wait, answer = await ask(ada, PORTAL, {})
    assert (status, wait, answer["code"]) == (502, "5", "provider_busy")
    await sandbox.fault("status_before", path="billing_portal/sessions", method="POST", times=9, status=500)
    status, wait, answer = await ask(ada, PORTAL, {})
    assert (status, wait, answer["code"]) == (502, "60", "provider_unavailable")
    assert answer["error"] == "The billing portal cannot be reached right now. Try again in a minute."
    await sandbox.ready()
    # Each session has a key of its own, so a 500 that is kept spoils one attempt only.
    await sandbox.fault("status_kept", path="billing_portal/sessions", method="POST", times=1)
    status, _, answer = await ask(ada, PORTAL, {})
    assert status == 200, answer
