"""Invoices and subscriptions that somebody makes in Stripe's dashboard for a member's customer grant as ours do."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

import pytest

from hingecraft.payments import history
from hingecraft.trail.text import lines_of
from support.credits import balance_of
from support.discounts import promotion_code
from support.members import PACK, PLAN, Member, sell
from support.money import all_processed, becomes, ledger
from support.plans import MONTH, change_plan, invoices, pod_for_plans, renewals
from support.purchases import changes, customer_of, intent_of, refund, rows
from support.subscribing import copied, press

UPGRADE = "PRO_MONTHLY"


@pytest.fixture
async def pod(dsn, sandbox):
    async with pod_for_plans(dsn, sandbox) as running:
        yield running


@pytest.fixture
async def prices(pod, sandbox, conn):
    return await sell(conn, sandbox, PACK, "POWER_PACK", PLAN, UPGRADE)


@pytest.fixture
async def ada(pod, prices):
    """A member with a customer at Stripe, from a checkout that was never paid."""
    member = Member(pod)
    await member.buy(prices[PACK])
    return member


async def make(sandbox, what, customer, *lines, **more):
    """Fill in the form of the dashboard's page."""
    form = {"customer": customer, "lines": "\n".join(lines), **more}
    await sandbox.ask("POST", f"/pay/stripe/dashboard/{what}", data=form, allow_redirects=False)


async def test_an_invoice_grants_its_packs_and_its_refund_takes_them(pod, ada, prices, sandbox, conn):
    await make(sandbox, "invoice", await customer_of(conn, ada), f"{prices[PACK]} 2", prices["POWER_PACK"])
    (payment,) = await renewals(conn, 1)
    assert (payment["amount"], payment["status"], payment["user_id"]) == (30, "completed", ada.id)
    assert await ledger(conn, payment["id"]) == [("charge", 30, "USD", 30)]
    assert sorted(await changes(conn, ada.id)) == [(100, "quick_scan_purchase"), (250, "power_pack_purchase")]
    told = "\n".join(lines_of(await history.with_subscription(pod.pod.database, UUID(payment["id"]))))
    assert told.startswith(f"payment {payment['id']} (made by hand): completed")
    await refund(sandbox, await intent_of(conn, payment["id"]))
    await becomes(conn, payment["id"], "refunded")
    assert await balance_of(conn, ada.id) == 0


async def test_an_invoice_of_25_lines_grants_each_of_them(ada, prices, sandbox, conn):
    """Stripe's events and answers have the first ten lines: the others are asked for."""
    lines = [f"{prices[PACK]} {1 + number % 2}" for number in range(25)]
    await make(sandbox, "invoice", await customer_of(conn, ada), *lines)
    (payment,) = await renewals(conn, 1)
    (invoice,) = await invoices(sandbox)
    assert (len(invoice["lines"]["data"]), invoice["lines"]["has_more"]) == (10, True)
    assert payment["amount"] == Decimal(13 * 5 + 12 * 10)
    granted = await rows(conn, ada.id)
    assert sorted(row["delta"] for row in granted) == [50] * 13 + [100] * 12
    assert len({row["ref"] for row in granted}) == 25


async def test_a_subscription_grants_its_months_and_is_the_members_plan(ada, prices, sandbox, conn):
    await make(sandbox, "subscription", await customer_of(conn, ada), prices[PLAN])
    await renewals(conn, 1)
    row = await copied(conn, ada, status="active")
    assert (row["purpose"], row["price_id"], row["payment_id"]) == ("credits", prices[PLAN], None)
    status, answer = await ada.call("GET", "/api/v1/credits/plan")
    assert (status, answer["data"]["planType"]) == (200, "basic")
    assert (await ada.call("POST", "/api/v1/checkout-sessions", {"priceId": prices[PLAN]}))[0] == 409
    await press(sandbox, row["id"], "renew")
    await renewals(conn, 2)
    assert await changes(conn, ada.id) == [MONTH, MONTH]


async def test_a_subscription_with_a_quantity_a_coupon_and_a_trial(ada, prices, sandbox, conn):
    await promotion_code(sandbox, "HALF", id="half", percent_off=50, duration="once")
    customer = await customer_of(conn, ada)
    await make(sandbox, "subscription", customer, f"{prices[PLAN]} 3", coupon="half", trial_days="7")
    row = await copied(conn, ada, status="trialing")
    await all_processed(conn)
    assert await changes(conn, ada.id) == [], "a trial costs nothing and grants nothing"
    await sandbox.ask("PUT", "/_sandbox/clock", json={"days": 7, "hours": 2})
    (payment,) = await renewals(conn, 1)
    assert await ledger(conn, payment["id"]) == [("charge", Decimal("13.5"), "USD", Decimal("13.5"))]
    assert await changes(conn, ada.id) == [(300, "basic_plan_monthly")]
    assert (await ada.call("GET", "/api/v1/credits/packs"))[0] == 200, "amounts are read when they are first needed"
    await change_plan(sandbox, row["id"], prices[UPGRADE])
    await renewals(conn, 2)
    assert (await changes(conn, ada.id))[1][1] == "vision_pro_monthly"


async def test_what_is_made_for_a_stranger_is_ignored(pod, ada, prices, sandbox, conn):
    stranger = (await sandbox.ask("POST", "/v1/customers", headers={"Authorization": "Bearer sk_test_x"}))["id"]
    await make(sandbox, "invoice", stranger, prices[PACK])
    await make(sandbox, "subscription", stranger, prices[PLAN])
    await all_processed(conn, at_least=4)
    assert await conn.fetchval("SELECT count(*) FROM credits_transactions") == 0
    assert await conn.fetchval("SELECT count(*) FROM payments") == 1


async def test_the_page_says_what_is_wrong(ada, prices, sandbox, conn):
    customer = await customer_of(conn, ada)
    assert prices[PACK] in await sandbox.ask("GET", "/pay/stripe/dashboard")
    for what, lines, why in (
        ("invoice", [prices[PLAN]], "invoices one-time prices"),
        ("subscription", [prices[PACK]], "take recurring prices"),
        ("invoice", [], "at least one price"), ("invoice", ["price_other"], "No such price"),
        ("invoice", [f"{prices[PACK]} many"], "not a number"), ("invoice", [f"{prices[PACK]} 1 2"], "a price and its"),
    ):  # fmt: skip
        with pytest.raises(AssertionError, match=why):
            await make(sandbox, what, customer, *lines)
    with pytest.raises(AssertionError, match="No such customer"):
        await make(sandbox, "invoice", "cus_other", prices[PACK])
