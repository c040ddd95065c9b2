"""`hingecraft trail` of a subscription: all its payments, each with its grant, from any of them."""

from __future__ import annotations

import re
from uuid import UUID

import pytest

from hingecraft.payments import history
from hingecraft.trail.text import lines_of
from support.members import PACK, PLAN, Member, sell
from support.money import becomes
from support.plans import buy_plan, change_plan, pod_for_plans, renewals
from support.purchases import intent_of, refund
from support.subscribing import copied, press

UPGRADE = "PRO_MONTHLY"


@pytest.fixture
async def pod(dsn, sandbox):
    async with pod_for_plans(dsn, sandbox) as running:
        yield running


@pytest.fixture
async def prices(pod, sandbox, conn):
    return await sell(conn, sandbox, PLAN, UPGRADE, PACK)


async def told(pod, payment):
    return "\n".join(lines_of(await history.with_subscription(pod.pod.database, UUID(payment))))


async def test_a_subscription_is_shown_whole_from_any_of_its_payments(pod, prices, sandbox, conn):
    ada = Member(pod)
    assert (await ada.call("GET", "/api/v1/credits/packs"))[0] == 200, "amounts are read when they are first needed"
    plan = await buy_plan(ada, sandbox, conn, prices[PLAN])
    await press(sandbox, plan["subscription"], "renew")
    (renewal,) = await renewals(conn, 1)
    await change_plan(sandbox, plan["subscription"], prices[UPGRADE])
    _, upgrade = await renewals(conn, 2)
    await refund(sandbox, await intent_of(conn, renewal["id"]))
    await becomes(conn, renewal["id"], "refunded")
    other = await ada.buy(prices[PACK])
    await sandbox.act(other["sessionId"], "pay")
    await becomes(conn, other["paymentId"], "completed")

    shown = await told(pod, plan["paymentId"])
    head, first, second, third = re.split(r"\n\n(?=payment )", shown)
    assert head == f"subscription {plan['subscription']}: 3 payments"
    assert first.startswith(f"payment {plan['paymentId']} (first invoice): completed")
    for each in (first, second):
        assert each.splitlines()[1] == f"  9 USD, by stripe, of user {ada.id}"
    assert "payment of 9 USD started with stripe (credits)" in first
    assert "stripe created cs_test_" in first
    assert "+100 for basic_plan_monthly (in_" in first
    assert second.startswith(f"payment {renewal['id']} (renewal): refunded")
    assert "+100 for basic_plan_monthly (in_" in second
    assert "-100 for refund_basic_plan_monthly (refund:re_" in second
    assert third.startswith(f"payment {upgrade['id']} (change of plan): completed")
    assert re.search(r"\+3\d\d for vision_pro_monthly \(in_\w+/proration\)", third)
    for each in (renewal, upgrade):
        assert await told(pod, each["id"]) == shown
    assert (await told(pod, other["paymentId"])).startswith(f"payment {other['paymentId']}: completed")
    assert plan["subscription"] not in await told(pod, other["paymentId"])


async def test_another_subscription_of_the_same_member_is_left_out(pod, prices, sandbox, conn):
    ada = Member(pod)
    first = await buy_plan(ada, sandbox, conn, prices[PLAN])
    await press(sandbox, first["subscription"], "cancel")
    await copied(conn, ada, status="canceled")
    second = await buy_plan(ada, sandbox, conn, prices[UPGRADE])
    assert (await told(pod, first["paymentId"])).startswith(f"subscription {first['subscription']}: 1 payment\n")
    assert second["paymentId"] not in await told(pod, first["paymentId"])
    assert (await told(pod, second["paymentId"])).startswith(f"subscription {second['subscription']}: 1 payment\n")
