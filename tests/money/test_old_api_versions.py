"""Events in the shape of an older API version, as an endpoint or an account has it: we grant and take back the same."""

from __future__ import annotations

import asyncio

import pytest

from support.buying import ALL_DESIGNS, DESIGN, Buyer, add_product, entitlements
from support.credits import balance_of
from support.limits import PROGRESS
from support.members import PACK, PLAN, Member, sell
from support.money import all_processed, becomes, ledger
from support.plans import MONTH, buy_plan, pod_for_plans, renewals
from support.purchases import changes, intent_of, refund
from support.subscribing import copied, press, reconcile

OLD = "2022-11-15"
BOUGHT = (50, "quick_scan_purchase")
TRIED = "SELECT EXISTS (SELECT FROM provider_events WHERE type = $1 AND error IS NOT NULL AND attempts >= 1)"
IGNORED = "SELECT ignored_because FROM provider_events WHERE ignored_because IS NOT NULL AND type = 'invoice.paid'"


@pytest.fixture
async def pod(dsn, sandbox):
    async with pod_for_plans(dsn, sandbox) as running:
        await sandbox.tells(running.public, api_version=OLD)
        yield running


async def newest(sandbox, kind):
    (event, *_) = (await sandbox.stripe(f"events?limit=1&type={kind}"))["data"]
    return event["data"]["object"]


async def fail_refund(sandbox, refund_id):
    await sandbox.ask("POST", f"/pay/stripe/refund/{refund_id}/fail", allow_redirects=False)


async def has(conn, member, credits_):
    """Wait until the member has so many credits."""
    async with asyncio.timeout(PROGRESS):
        while await balance_of(conn, member.id) != credits_:
            await asyncio.sleep(0.05)


async def test_a_pack_its_refunds_and_a_refund_that_fails(pod, sandbox, conn):
    """Refunds of charges had no events of their own: the charge says only how much was refunded in all."""
    price = (await sell(conn, sandbox, PACK))[PACK]
    ada = Member(pod)
    bought = await ada.buy(price)
    await sandbox.act(bought["sessionId"], "pay")
    await becomes(conn, bought["paymentId"], "completed")
    intent = await intent_of(conn, bought["paymentId"])
    first, second = [await refund(sandbox, intent, amount) for amount in (100, 50)]
    assert (await sandbox.stripe("events?type=refund.created"))["data"] == []
    await has(conn, ada, 35)
    await fail_refund(sandbox, first)
    await has(conn, ada, 45)
    await fail_refund(sandbox, second)
    await has(conn, ada, 50)
    await all_processed(conn)
    taken = "refund_quick_scan_purchase"
    back = f"{taken}_reversal"
    bought_and_back = [BOUGHT, (-10, taken), (-5, taken), (10, back), (5, back)]
    assert sorted(await changes(conn, ada.id)) == sorted(bought_and_back)


async def test_a_plan_its_renewal_and_the_refund_of_that(pod, sandbox, conn):
    price = (await sell(conn, sandbox, PLAN))[PLAN]
    ada = Member(pod)
    plan = await buy_plan(ada, sandbox, conn, price)
    told = await newest(sandbox, "invoice.paid")
    assert told["subscription"] == plan["subscription"]
    assert (told["lines"]["data"][0]["price"]["id"], told["paid"]) == (price, True)
    assert "parent" not in told
    row = await copied(conn, ada, status="active")
    assert row["current_period_end"] is not None
    assert "current_period_end" not in (await newest(sandbox, "customer.subscription.created"))["items"]["data"][0]
    await press(sandbox, plan["subscription"], "renew")
    (renewal,) = await renewals(conn, 1)
    assert await changes(conn, ada.id) == [MONTH, MONTH]
    assert (await copied(conn, ada))["current_period_end"] > row["current_period_end"]
    await refund(sandbox, await intent_of(conn, renewal["id"]))
    await becomes(conn, renewal["id"], "refunded")
    assert await changes(conn, ada.id) == [MONTH, MONTH, (-100, "refund_basic_plan_monthly")]


async def test_an_invoice_of_a_customer_that_was_lost_is_known_by_its_metadata(pod, sandbox, conn):
    """The first question fails, and before the second one the event itself says whose it is."""
    price = (await sell(conn, sandbox, PLAN))[PLAN]
    ada = Member(pod)
    plan = await buy_plan(ada, sandbox, conn, price)
    await conn.execute("DELETE FROM customers")
    await sandbox.fault("status_before", provider="stripe", method="GET", path="/v1/invoices", status=500, times=999)
    await press(sandbox, plan["subscription"], "renew")
    async with asyncio.timeout(PROGRESS):
        while not await conn.fetchval(TRIED, "invoice.paid"):
            await asyncio.sleep(0.05)
    await sandbox.ask("DELETE", "/_sandbox/faults")
    await renewals(conn, 1)
    assert await conn.fetch(IGNORED) == []
    assert await changes(conn, ada.id) == [MONTH, MONTH]


async def test_a_design_and_a_subscription_to_designs(pod, sandbox, conn):
    ada = Buyer(pod)
    design, every_design = await add_product(pod, DESIGN), await add_product(pod, ALL_DESIGNS)
    once = await ada.begin(design)
    await sandbox.act_on_intent(once["intent"], "pay")
    await ada.gets(design, "owned")
    await refund(sandbox, once["intent"])
    await ada.gets(design, "refunded")
    monthly = await ada.begin(every_design, "subscription")
    await sandbox.act_on_intent(monthly["intent"], "pay")
    await ada.gets(every_design, "subscribed")
    row = await copied(conn, ada, status="active")
    await press(sandbox, row["id"], "renew")
    (renewal,) = await renewals(conn, 1)
    assert await ledger(conn, renewal["id"]) == [("charge", 9, "USD", 9)]
    first, second = [row for row in await entitlements(conn, ada.id) if row["ends_at"] is not None]
    assert second["starts_at"] == first["ends_at"]


@pytest.mark.usefixtures("few_links")
async def test_a_reconciliation_reads_them_too(pod, sandbox, conn, dsn):
    """Stripe lists events in the version that the account had when they happened."""
    price = (await sell(conn, sandbox, PACK))[PACK]
    ada = Member(pod)
    bought = await ada.buy(price)
    await sandbox.tells(pod.public, api_version=OLD, enabled=False)
    await sandbox.act(bought["sessionId"], "pay")
    await sandbox.act(bought["sessionId"], "refund")
    await reconcile(dsn, sandbox)
    await all_processed(conn)
    await becomes(conn, bought["paymentId"], "refunded")
    assert await changes(conn, ada.id) == [BOUGHT, (-50, "refund_quick_scan_purchase")]
