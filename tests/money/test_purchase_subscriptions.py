"""Members subscribe on our own page: paid periods give access, renewals extend it, and cancelling waits for the end."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from support.buying import ALL_DESIGNS, PAYMENTS, PURCHASES, Buyer, add_product, change_product, entitlements
from support.limits import PROGRESS
from support.money import all_processed, ledger, status_of
from support.plans import pod_for_plans
from support.purchases import post, refund
from support.subscribing import copied, press

DESIGN = {"type": "design", "name": "Brass hinge", "price": 12.5, "currency": "USD", "active": True, "file": "a.zip"}
SUBSCRIPTION = "SELECT provider_id FROM external_payments WHERE payment_id = $1::uuid AND kind = 'single'"
PERIODS = """
WITH purchase AS (UPDATE purchases SET starts_at = starts_at - $1::interval, ends_at = ends_at - $1::interval)
UPDATE entitlements SET starts_at = starts_at - $1::interval, ends_at = ends_at - $1::interval
"""
CANCELLATIONS = "SELECT actor FROM payment_audit WHERE action = 'subscription_cancelled' AND payment_id = $1::uuid"


@pytest.fixture
async def pod(dsn, sandbox):
    async with pod_for_plans(dsn, sandbox) as running:
        yield running


@pytest.fixture
async def ada(pod):
    return Buyer(pod)


@pytest.fixture
async def every_design(pod):
    return await add_product(pod, ALL_DESIGNS)


async def subscribe(ada, sandbox, conn, product):
    """Pay for the first period; the id of the subscription."""
    begun = await ada.begin(product, "subscription")
    await sandbox.act_on_intent(begun["intent"], "pay")
    await ada.gets(product, "subscribed")
    return begun, await conn.fetchval(SUBSCRIPTION, begun["paymentId"])


async def until_periods(conn, ada, number):
    async with asyncio.timeout(PROGRESS):
        while len(await entitlements(conn, ada.id)) < number:
            await asyncio.sleep(0.05)


async def test_a_product_whose_500_is_kept_is_made_under_another_key(ada, sandbox, every_design):
    """Its name is sent first: Stripe does not have it yet."""
    await sandbox.fault("slow", path="/v1/products", method="POST", times=1, seconds=0)
    await sandbox.fault("status_kept", path="/v1/products", method="POST", times=1)
    await ada.begin(every_design, "subscription")
    assert (await sandbox.stripe(f"products/hc_{every_design}"))["name"] == ALL_DESIGNS["name"]


async def test_a_subscription_is_begun_incomplete_and_its_first_invoice_gives_access(
    ada, pod, sandbox, conn, every_design
):
    design = await add_product(pod, DESIGN)
    begun = await ada.begin(every_design, "subscription")
    assert (begun["amount"], begun["currency"]) == (9, "USD")
    assert await ada.begin(every_design, "subscription", status=200) == begun
    subscription = await sandbox.stripe(f"subscriptions/{await conn.fetchval(SUBSCRIPTION, begun['paymentId'])}")
    assert subscription["status"] == "incomplete"
    assert subscription["payment_settings"]["save_default_payment_method"] == "on_subscription"
    assert subscription["items"]["data"][0]["price"]["product"] == f"hc_{every_design}"
    assert await ada.access(every_design) == "not_bought"
    await sandbox.act_on_intent(begun["intent"], "pay")
    await ada.gets(every_design, "subscribed")
    assert await ada.access(design) == "subscribed"
    assert await status_of(conn, begun["paymentId"]) == "completed"
    assert await ledger(conn, begun["paymentId"]) == [("charge", 9, "USD", 9)]
    (row,) = await entitlements(conn, ada.id)
    assert 28 <= (row["ends_at"] - row["starts_at"]).days <= 31
    assert row["download_limit"] == 20
    (purchase,) = await ada.purchases()
    assert (purchase["status"], purchase["productType"]) == ("active", "subscription")
    assert (purchase["amount"], purchase["period"]) == (9, {"unit": "month", "count": 1})
    assert await ada.rejected(every_design, "subscription") == (409, "already_owned")
    assert await conn.fetchval("SELECT count(*) FROM credits_transactions") == 0


async def test_a_renewal_adds_a_period_to_the_same_purchase(ada, sandbox, conn, every_design):
    _, subscription = await subscribe(ada, sandbox, conn, every_design)
    await press(sandbox, subscription, "renew")
    await until_periods(conn, ada, 2)
    first, second = await entitlements(conn, ada.id)
    assert second["starts_at"] == first["ends_at"]
    assert await conn.fetchval("SELECT ends_at FROM purchases") == second["ends_at"]
    assert len(await ada.purchases()) == 1
    sources = await conn.fetch("SELECT source, purpose, user_id FROM payments ORDER BY created_at")
    assert [tuple(row) for row in sources] == [("purchase", "purchase", ada.id), ("renewal", "purchase", ada.id)]


async def test_cancelling_ends_it_with_the_paid_period_and_a_repeat_changes_nothing(ada, sandbox, conn, every_design):
    _, subscription = await subscribe(ada, sandbox, conn, every_design)
    await copied(conn, ada, status="active")
    (purchase,) = await ada.purchases()
    assert purchase["cancelAtPeriodEnd"] is False
    for _ in range(2):
        status, answer = await ada.call("POST", f"{PURCHASES}/{purchase['id']}/cancel")
        assert (status, answer["data"]["cancelAtPeriodEnd"], answer["data"]["status"]) == (200, True, "active")
    assert (await sandbox.stripe(f"subscriptions/{subscription}"))["cancel_at_period_end"]
    assert await ada.access(every_design) == "subscribed"
    await conn.execute(PERIODS, timedelta(days=31, minutes=1))
    assert await ada.access(every_design) == "expired"
    (purchase,) = await ada.purchases()
    assert (purchase["status"], purchase["cancelAtPeriodEnd"]) == ("cancelled", True)


async def test_a_cancellation_is_audited_once_also_where_the_process_dies_before_it_could(
    ada, sandbox, conn, every_design
):
    begun, subscription = await subscribe(ada, sandbox, conn, every_design)
    await copied(conn, ada, status="active")
    # The call of the process that dies; Stripe's event tells another one.
    await post(sandbox, f"subscriptions/{subscription}", cancel_at_period_end="true")
    await copied(conn, ada, cancel_at_period_end=True)
    (purchase,) = await ada.purchases()
    assert (await ada.call("POST", f"{PURCHASES}/{purchase['id']}/cancel"))[0] == 200
    assert [row["actor"] for row in await conn.fetch(CANCELLATIONS, begun["paymentId"])] == ["stripe"]


async def test_a_subscription_that_is_ended_at_stripe_is_not_said_to_be_renewed(ada, sandbox, conn, every_design):
    _, subscription = await subscribe(ada, sandbox, conn, every_design)
    await press(sandbox, subscription, "cancel")
    await copied(conn, ada, status="canceled")
    (purchase,) = await ada.purchases()
    assert (purchase["status"], purchase["cancelAtPeriodEnd"]) == ("active", True)
    assert await ada.access(every_design) == "subscribed"


async def test_a_running_subscription_has_a_grace_after_its_last_period(ada, sandbox, conn, every_design):
    await subscribe(ada, sandbox, conn, every_design)
    await copied(conn, ada, status="active")
    (row,) = await entitlements(conn, ada.id)
    await conn.execute(PERIODS, row["ends_at"] - row["starts_at"] + timedelta(minutes=1))
    assert await ada.access(every_design) == "subscribed"
    await conn.execute("UPDATE subscriptions SET status = 'unpaid'")
    assert await ada.access(every_design) == "expired"
    assert await ada.rejected(every_design, "subscription") == (409, "already_owned")
    await conn.execute("UPDATE subscriptions SET status = 'past_due'")
    assert await ada.access(every_design) == "subscribed"
    for paused, standing in (("collection_void", "expired"), (None, "active")):
        await conn.execute("UPDATE subscriptions SET paused_because = $1", paused)
        assert [each["status"] for each in await ada.purchases()] == [standing]
        assert (await ada.access(every_design) == "subscribed") == (standing == "active")
    await conn.execute(PERIODS, timedelta(hours=24))
    assert await ada.access(every_design) == "expired"


async def test_refunding_one_period_ends_its_access_and_not_the_subscription(ada, sandbox, conn, every_design):
    begun, subscription = await subscribe(ada, sandbox, conn, every_design)
    await refund(sandbox, begun["intent"])
    await ada.gets(every_design, "refunded")
    (purchase,) = await ada.purchases()
    assert purchase["status"] == "active"
    await press(sandbox, subscription, "renew")
    await until_periods(conn, ada, 2)
    assert [row["revoked_because"] for row in await entitlements(conn, ada.id)] == ["refunded", None]


async def test_a_new_price_and_a_cancelled_payment_end_the_incomplete_subscription(
    ada, pod, sandbox, conn, every_design
):
    first = await ada.begin(every_design, "subscription")
    await change_product(pod, every_design, price=11)
    second = await ada.begin(every_design, "subscription")
    assert (second["amount"], await status_of(conn, first["paymentId"])) == (11, "expired")
    status, answer = await ada.call("POST", f"{PAYMENTS}/{second['paymentId']}/cancel")
    assert (status, answer["data"]["status"]) == (200, "expired")
    for begun in (first, second):
        found = await sandbox.stripe(f"subscriptions/{await conn.fetchval(SUBSCRIPTION, begun['paymentId'])}")
        assert found["status"] in {"canceled", "incomplete_expired"}


async def test_subscriptions_to_two_products_are_two_families(ada, pod, sandbox, conn, every_design, caplog):
    await subscribe(ada, sandbox, conn, every_design)
    await subscribe(ada, sandbox, conn, await add_product(pod, ALL_DESIGNS, name="All courses"))
    await all_processed(conn)
    assert "more than one running subscription" not in caplog.text
    assert len(await ada.purchases()) == 2
