"""Promotion codes on plans: a discount changes what is paid, and not what is granted."""

from __future__ import annotations

from decimal import Decimal

import pytest

from hingecraft.steps import Options
from support.discounts import enter_code, promotion_code
from support.members import PLAN, sell
from support.money import becomes, ledger
from support.plans import MONTH, buy_plan, change_plan, invoices, pod_for_plans, renewals
from support.purchases import changes, intent_of, refund, rows
from support.reconciling import reconciler
from support.subscribing import press

UPGRADE = "PRO_MONTHLY"
FREE = {"percent_off": 100, "duration": "once"}
HALF = {"percent_off": 50, "duration": "forever"}


@pytest.fixture
async def pod(dsn, sandbox):
    async with pod_for_plans(dsn, sandbox) as running:
        yield running


@pytest.fixture
async def prices(pod, sandbox, conn):
    return await sell(conn, sandbox, PLAN, UPGRADE)


async def charges(conn):
    """The charged amounts, in order."""
    found = await conn.fetch("SELECT amount FROM settlements WHERE kind = 'charge' ORDER BY created_at")
    return [row[0] for row in found]


async def test_a_free_first_month_grants_everything_and_the_next_one_is_paid(ada, prices, sandbox, conn):
    code = await promotion_code(sandbox, "FREE", **FREE)
    plan = await buy_plan(ada, sandbox, conn, prices[PLAN], code)
    (invoice,) = await invoices(sandbox)
    assert (invoice["subtotal"], invoice["total"], invoice["amount_due"]) == (900, 0, 0)
    assert await ledger(conn, plan["paymentId"]) == []
    assert await changes(conn, ada.id) == [MONTH]
    (row,) = await rows(conn, ada.id)
    assert (row["payment"], row["stripe_payment_id"]) == (plan["paymentId"], None)
    status, answer = await ada.call("GET", f"/api/v1/checkout-sessions/{plan['sessionId']}")
    assert (status, answer["data"]["status"], answer["data"]["credits"]) == (200, "paid", 100)
    await press(sandbox, plan["subscription"], "renew")
    (renewal,) = await renewals(conn, 1)
    assert (renewal["amount"], await charges(conn)) == (9, [9])
    assert await changes(conn, ada.id) == [MONTH, MONTH]


@pytest.mark.parametrize(
    ("terms", "paid"),
    [
        ({"percent_off": 50, "duration": "once"}, ["4.5", "9", "9"]),
        ({"percent_off": "33.3", "duration": "forever"}, ["6", "6", "6"]),
        ({"percent_off": 50, "duration": "repeating", "duration_in_months": 2}, ["4.5", "4.5", "9"]),
        ({"amount_off": 300, "currency": "usd", "duration": "repeating", "duration_in_months": 1}, ["6", "9", "9"]),
        # Twenty cents are too little to charge: they are owed until the next invoice.
        ({"amount_off": 880, "currency": "usd", "duration": "once"}, ["9.2", "9"]),
        ({"amount_off": 1200, "currency": "usd", "duration": "once"}, ["9", "9"]),
    ],
)
async def test_each_period_grants_the_same_with_any_discount(ada, prices, sandbox, conn, terms, paid):
    code = await promotion_code(sandbox, "LESS", **terms)
    plan = await buy_plan(ada, sandbox, conn, prices[PLAN], code)
    for number in (1, 2):
        await press(sandbox, plan["subscription"], "renew")
        await renewals(conn, number)
    assert await charges(conn) == [Decimal(each) for each in paid]
    assert await changes(conn, ada.id) == [MONTH] * 3


async def test_half_of_what_was_paid_back_takes_half_of_the_credits(ada, prices, sandbox, conn):
    code = await promotion_code(sandbox, "HALF", **HALF)
    plan = await buy_plan(ada, sandbox, conn, prices[PLAN], code)
    await refund(sandbox, await intent_of(conn, plan["paymentId"]), 225)
    await becomes(conn, plan["paymentId"], "partially_refunded")
    assert await changes(conn, ada.id) == [MONTH, (-50, "refund_basic_plan_monthly")]


async def test_an_upgrade_with_a_discount_grants_by_what_the_lines_cost_before_it(ada, prices, sandbox, conn):
    assert (await ada.call("GET", "/api/v1/credits/packs"))[0] == 200, "amounts are read when they are first needed"
    code = await promotion_code(sandbox, "HALF", **HALF)
    plan = await buy_plan(ada, sandbox, conn, prices[PLAN], code)
    await sandbox.ask("PUT", "/_sandbox/clock", json={"days": 13})
    await change_plan(sandbox, plan["subscription"], prices[UPGRADE])
    await renewals(conn, 1)
    (invoice, *_) = await invoices(sandbox)
    lines = {line["pricing"]["price_details"]["price"]: line for line in invoice["lines"]["data"]}
    before, after = lines[prices[PLAN]], lines[prices[UPGRADE]]
    assert invoice["total"] < invoice["subtotal"] == before["amount"] + after["amount"]
    assert [sum(each["amount"] for each in line["discount_amounts"]) < 0 for line in (before, after)] == [True, False]
    expected = (500 * after["amount"] / 2900 + 100 * before["amount"] / 900) // 1
    assert 200 < expected < 250
    assert await changes(conn, ada.id) == [MONTH, (int(expected), "vision_pro_monthly")]
    assert (await charges(conn))[1] == Decimal(invoice["total"]) / 100


async def test_a_plan_that_is_always_free_grants_its_months_and_its_upgrade(ada, prices, sandbox, conn):
    """None of its invoices has a payment at Stripe."""
    assert (await ada.call("GET", "/api/v1/credits/packs"))[0] == 200, "amounts are read when they are first needed"
    code = await promotion_code(sandbox, "ALWAYS", percent_off=100, duration="forever")
    plan = await buy_plan(ada, sandbox, conn, prices[PLAN], code)
    await change_plan(sandbox, plan["subscription"], prices[UPGRADE])
    await renewals(conn, 1)
    await press(sandbox, plan["subscription"], "renew")
    paid = await renewals(conn, 2)
    assert [each["status"] for each in paid] == ["completed"] * 2
    assert await charges(conn) == []
    month, (more, reason), renewal = await changes(conn, ada.id)
    assert (month, reason, renewal) == (MONTH, "vision_pro_monthly", (500, "vision_pro_monthly"))
    assert 395 <= more <= 400


async def test_a_free_plan_whose_events_were_lost_is_found(pod, dsn, ada, prices, sandbox, conn):
    code = await promotion_code(sandbox, "FREE", **FREE)
    await sandbox.tells(pod.public, enabled=False)
    bought = await ada.buy(prices[PLAN])
    await enter_code(sandbox, bought["sessionId"], code)
    await sandbox.act(bought["sessionId"], "pay")
    await sandbox.ask("DELETE", "/_sandbox/book/events")
    async with reconciler(dsn, **sandbox.settings) as each:
        for _ in range(2):
            assert (await each.run(Options(every_checkout=True))).errors == 0
    assert await changes(conn, ada.id) == [MONTH]
