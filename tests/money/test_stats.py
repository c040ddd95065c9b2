"""Statistics of members' payments, after payments of every kind and end at the sandbox."""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from hingecraft.stats.service import Statistics
from support.buying import ALL_DESIGNS, COURSE, DESIGN, PAYMENTS, Buyer, add_product
from support.limits import PROGRESS
from support.members import PACK, Member, sell, show_statistics
from support.money import all_processed, becomes, completes, send_stripe, stripe_event
from support.plans import pod_for_plans
from support.pods import ADMIN
from support.purchases import intent_of, refund
from support.subscribing import press

SUBSCRIPTION = "SELECT provider_id FROM external_payments WHERE payment_id = $1::uuid AND kind = 'single'"
# So many seconds between a payment's beginning and its money.
TOOK = """
UPDATE payments p SET created_at = s.created_at - make_interval(secs => $2)
FROM settlements s WHERE s.payment_id = p.id AND s.kind = 'charge' AND p.id = $1::uuid
"""
RECEIVED = (
    "UPDATE provider_event_ids SET received_at = now() - $1::interval",
    "UPDATE provider_events SET received_at = now() - $1::interval",
)


@pytest.fixture
async def pod(dsn, sandbox):
    async with pod_for_plans(dsn, sandbox) as running:
        yield running


async def stats(pod):
    """Of yesterday until tomorrow, so that midnight may pass."""
    today = datetime.now(UTC).date()
    first, last = today - timedelta(days=1), today + timedelta(days=1)
    status, answer = await pod.call("GET", f"/admin/stats?from={first}&to={last}", headers=ADMIN)
    assert status == 200, answer
    found = answer["data"]
    assert (found["from"], found["to"]) == (str(first), str(last))
    assert all(str(first) <= each["day"] <= str(last) for each in found["revenue"])
    return found


def revenue_of(found):
    """Of all days, by type and currency."""
    sums: dict[tuple[str, str], Decimal] = {}
    for each in found["revenue"]:
        kind = each["type"], each["currency"]
        sums[kind] = sums.get(kind, 0) + Decimal(str(each["amount"]))
    return sums


async def until_status(pod, conn, begun, status):
    await becomes(conn, begun["paymentId"], status)
    return begun["paymentId"]


async def buys(pod, sandbox, conn, product, kind):
    """A new user pays; the payment's id."""
    buyer = Buyer(pod)
    begun = await buyer.begin(product, kind)
    await sandbox.act_on_intent(begun["intent"], "pay")
    return await until_status(pod, conn, begun, "completed")


async def refunds(sandbox, conn, payment, status, amount=None):
    made = await refund(sandbox, await intent_of(conn, payment), amount)
    await becomes(conn, payment, status)
    return made


async def declined(pod, sandbox, conn, product, kind="design"):
    """A card is declined, and the payer gives up."""
    buyer = Buyer(pod)
    begun = await buyer.begin(product, kind)
    await sandbox.act_on_intent(begun["intent"], "fail")
    await all_processed(conn)
    return await cancelled(buyer, begun)


async def cancelled(buyer, begun):
    status, answer = await buyer.call("POST", f"{PAYMENTS}/{begun['paymentId']}/cancel")
    assert (status, answer["data"]["status"]) == (200, "expired")


async def disputed(sandbox, conn, payment):
    intent = await intent_of(conn, payment)
    await sandbox.act_on_intent(intent, "dispute")
    await becomes(conn, payment, "disputed")
    (dispute,) = (await sandbox.stripe(f"disputes?payment_intent={intent}"))["data"]
    return dispute["id"]


async def test_nothing_counted_yet(pod):
    found = await stats(pod)
    assert found["payments"] == {"paid": 0, "failed": 0, "expired": 0, "successRate": None}
    assert found["webhooks"] == {"received": 0, "processed": 0, "waiting": 0, "successRate": None}
    assert found["intentToPurchase"] == {"p50": None, "p99": None}
    assert found["refunds"] == {"count": 0, "rate": None}
    assert found["revenue"] == []
    # The pod reads the metrics by itself.
    async with asyncio.timeout(PROGRESS):
        while not math.isnan(await pod.metric("hingecraft_member_payment_success_rate")):
            await asyncio.sleep(0.05)


async def test_products_in_two_currencies_and_one_without_decimals(pod, sandbox, conn):
    design = await add_product(pod, DESIGN)  # 12.50 USD
    course = await add_product(pod, COURSE, currency="EUR", price=80)
    yen = await add_product(pod, COURSE, currency="JPY", price=1200)
    whole = await buys(pod, sandbox, conn, design, "design")
    part = await buys(pod, sandbox, conn, course, "course")
    none = await buys(pod, sandbox, conn, yen, "course")
    kept = await buys(pod, sandbox, conn, yen, "course")
    await refunds(sandbox, conn, part, "partially_refunded", 2000)
    await refunds(sandbox, conn, none, "refunded")
    for payment, seconds in ((whole, 10), (part, 20), (none, 40), (kept, 60)):
        await conn.execute(TOOK, payment, float(seconds))
    # A donation is in none of these figures.
    await completes(pod, sandbox, conn, amount=5)
    await all_processed(conn)
    found = await stats(pod)
    assert found["payments"] == {"paid": 4, "failed": 0, "expired": 0, "successRate": 1}
    assert found["refunds"] == {"count": 2, "rate": 0.5}
    assert revenue_of(found) == {
        ("design", "USD"): Decimal("12.5"), ("course", "EUR"): Decimal(60), ("course", "JPY"): Decimal(1200),
    }  # fmt: skip
    assert found["intentToPurchase"]["p50"] == pytest.approx(30)
    assert found["intentToPurchase"]["p99"] == pytest.approx(40 + 0.97 * 20)


async def test_payments_that_fail_and_those_that_expire_after_an_attempt(pod, sandbox, conn):
    design = await add_product(pod, DESIGN)
    plan = await add_product(pod, ALL_DESIGNS)
    price = (await sell(conn, sandbox, PACK))[PACK]
    await buys(pod, sandbox, conn, design, "design")
    await declined(pod, sandbox, conn, design)
    await declined(pod, sandbox, conn, plan, "subscription")
    # Nobody has tried to pay these two: they are in no figure.
    for product, kind in ((design, "design"), (plan, "subscription")):
        buyer = Buyer(pod)
        await cancelled(buyer, await buyer.begin(product, kind))
    # A declined card and then another one is a success.
    eve = Buyer(pod)
    begun = await eve.begin(design)
    await sandbox.act_on_intent(begun["intent"], "fail")
    await sandbox.act_on_intent(begun["intent"], "pay")
    await becomes(conn, begun["paymentId"], "completed")
    bounced, abandoned = await Member(pod).buy(price), await Member(pod).buy(price)
    for act in ("pay_later", "bounce"):
        await sandbox.act(bounced["sessionId"], act)
    for act in ("fail", "expire"):
        await sandbox.act(abandoned["sessionId"], act)
    await becomes(conn, bounced["paymentId"], "failed")
    await becomes(conn, abandoned["paymentId"], "expired")
    await all_processed(conn)
    found = await stats(pod)
    assert found["payments"] == {"paid": 2, "failed": 1, "expired": 3, "successRate": pytest.approx(2 / 6)}


async def test_refunds_that_fail_and_disputes(pod, sandbox, conn):
    design = await add_product(pod, DESIGN)
    price = (await sell(conn, sandbox, PACK))[PACK]  # 5 USD
    pack = await Member(pod).buy(price)
    await sandbox.act(pack["sessionId"], "pay")
    await becomes(conn, pack["paymentId"], "completed")
    made = await refunds(sandbox, conn, pack["paymentId"], "refunded")
    assert (await stats(pod))["refunds"] == {"count": 1, "rate": 1}
    await sandbox.ask("POST", f"/pay/stripe/refund/{made}/fail", allow_redirects=False)
    await becomes(conn, pack["paymentId"], "completed")
    lost, won, both = [await buys(pod, sandbox, conn, design, "design") for _ in range(3)]
    await disputed(sandbox, conn, lost)
    dispute = await disputed(sandbox, conn, won)
    await sandbox.ask("POST", f"/pay/stripe/dispute/{dispute}/won", allow_redirects=False)
    await becomes(conn, won, "completed")
    # A dispute hides in the status that a part was refunded before.
    await refunds(sandbox, conn, both, "partially_refunded", 250)
    await disputed(sandbox, conn, both)
    await all_processed(conn)
    found = await stats(pod)
    assert found["payments"] == {"paid": 4, "failed": 0, "expired": 0, "successRate": 1}
    assert found["refunds"] == {"count": 1, "rate": 0.25}
    # The pack; and of the designs 12.50 that was won, and of the last 2.50 refunded and the rest disputed.
    assert revenue_of(found) == {("credits", "USD"): 5, ("design", "USD"): Decimal("12.5")}


async def test_renewals_earn_money_and_keep_nobody_waiting_also_those_of_a_deleted_user(pod, sandbox, conn):
    plan = await add_product(pod, ALL_DESIGNS)  # 9 USD
    ada = Buyer(pod)
    begun = await ada.begin(plan, "subscription")
    await sandbox.act_on_intent(begun["intent"], "pay")
    await becomes(conn, begun["paymentId"], "completed")
    await conn.execute(TOOK, begun["paymentId"], 8.0)
    await press(sandbox, await conn.fetchval(SUBSCRIPTION, begun["paymentId"]), "renew")
    async with asyncio.timeout(PROGRESS):
        while await conn.fetchval("SELECT count(*) FROM payments WHERE status = 'completed'") < 2:
            await asyncio.sleep(0.05)
    await all_processed(conn)
    before = await stats(pod)
    assert before["payments"]["paid"] == 2
    assert before["intentToPurchase"] == {"p50": pytest.approx(8), "p99": pytest.approx(8)}
    assert revenue_of(before) == {("subscription", "USD"): 18}
    assert (await pod.call("DELETE", f"/admin/users/{ada.id}", headers=ADMIN))[0] == 200
    await refunds(sandbox, conn, begun["paymentId"], "refunded")
    after = await stats(pod)
    assert after["payments"] == before["payments"]
    assert after["refunds"] == {"count": 1, "rate": 0.5}
    assert revenue_of(after) == {("subscription", "USD"): 9}


async def test_the_modes_are_counted_separately(pod, sandbox, conn):
    price = (await sell(conn, sandbox, PACK))[PACK]
    tested, real = await Member(pod).buy(price), await Member(pod).buy(price)
    await sandbox.act(tested["sessionId"], "pay")
    await becomes(conn, tested["paymentId"], "completed")
    # As if it had been opened and paid with live keys, which the sandbox does not take.
    payment = real["paymentId"]
    async with conn.transaction():
        await conn.execute(
            "INSERT INTO payment_audit (payment_id, actor, action) VALUES ($1::uuid, 'test', 'event_applied')", payment
        )
        await conn.execute("UPDATE payments SET livemode = true WHERE id = $1::uuid", payment)
        await conn.execute("UPDATE external_payments SET livemode = true WHERE payment_id = $1::uuid", payment)
    session = await sandbox.stripe(f"checkout/sessions/{real['sessionId']}")
    paid = {**session, "livemode": True, "status": "complete", "payment_status": "paid", "payment_intent": "pi_live"}
    assert (await send_stripe(pod, stripe_event("checkout.session.completed", paid, livemode=True)))[0] == 200
    await becomes(conn, payment, "completed")
    for livemode in (False, True):
        found = await Statistics(pod.pod.database, livemode=livemode).recent()
        assert (found.last_day.payments.paid, found.last_month.paid) == (1, 1)
        assert [(each.type, each.currency, each.amount) for each in found.last_day.revenue] == [("credits", "USD", 5)]
    assert (await stats(pod))["payments"]["paid"] == 1, "those of the mode of the pod's key"


async def test_webhooks_count_when_they_are_processed_or_ignored_and_not_in_their_first_minute(pod, sandbox, conn):
    design = await add_product(pod, DESIGN)
    await buys(pod, sandbox, conn, design, "design")
    foreign = {"id": "cs_test_foreign", "object": "checkout.session", "livemode": False, "mode": "payment"}
    assert (await send_stripe(pod, stripe_event("checkout.session.expired", foreign)))[0] == 200
    await all_processed(conn)
    total = await conn.fetchval("SELECT count(*) FROM provider_events")
    assert await conn.fetchval("SELECT count(*) FROM provider_events WHERE ignored_because IS NOT NULL") > 0
    for ago, rate in ((timedelta(), None), (timedelta(minutes=2), 1)):
        for sql in RECEIVED:
            await conn.execute(sql, ago)
        assert (await stats(pod))["webhooks"] == {
            "received": total, "processed": total, "waiting": 0, "successRate": rate,
        }  # fmt: skip
    await conn.execute(
        "UPDATE provider_events SET processed_at = NULL, ignored_because = NULL, next_attempt_at = 'infinity' "
        "WHERE event_id = (SELECT min(event_id) FROM provider_events)"
    )
    await conn.execute(
        "UPDATE provider_events SET ignored_because = 'given up: no answer' "
        "WHERE event_id = (SELECT max(event_id) FROM provider_events)"
    )
    # One of the other provider and one of a moment ago do not count.
    await conn.execute("INSERT INTO provider_event_ids (source, event_id) VALUES ('nowpayments', '1'), ('stripe', '2')")
    assert (await stats(pod))["webhooks"] == {
        "received": total + 1, "processed": total - 1, "waiting": 1, "successRate": pytest.approx((total - 2) / total),
    }  # fmt: skip
    await show_statistics(pod)
    assert await pod.metric("hingecraft_stripe_webhook_success_rate") == pytest.approx((total - 2) / total)


async def test_metrics_show_the_same_figures_and_each_purchase_once(pod, sandbox, conn):
    design = await add_product(pod, DESIGN)
    price = (await sell(conn, sandbox, PACK))[PACK]
    payment = await buys(pod, sandbox, conn, design, "design")
    pack = await Member(pod).buy(price)
    await sandbox.act(pack["sessionId"], "pay")
    await becomes(conn, pack["paymentId"], "completed")
    await completes(pod, sandbox, conn, amount=5)
    await declined(pod, sandbox, conn, design)
    # The same news again, under another id, by a refund and by its end: the payment was paid once.
    for event in (await sandbox.stripe("events?limit=100"))["data"]:
        assert (await send_stripe(pod, stripe_event(event["type"], event["data"]["object"])))[0] == 200
    made = await refunds(sandbox, conn, payment, "refunded")
    await sandbox.ask("POST", f"/pay/stripe/refund/{made}/fail", allow_redirects=False)
    await becomes(conn, payment, "completed")
    await all_processed(conn)
    await pod.shows('hingecraft_purchase_seconds_count{purpose="purchase"}', 1)
    await pod.shows('hingecraft_purchase_seconds_count{purpose="credits"}', 1)
    assert await pod.metric('hingecraft_purchase_seconds_count{purpose="donation"}') is None
    waited = await conn.fetchval(
        "SELECT extract(epoch FROM s.created_at - p.created_at)::float8 FROM payments p "
        "JOIN settlements s ON s.payment_id = p.id AND s.kind = 'charge' WHERE p.id = $1::uuid", payment,
    )  # fmt: skip
    observed = await pod.metric('hingecraft_purchase_seconds_sum{purpose="purchase"}')
    assert observed == pytest.approx(waited, abs=0.001)
    await show_statistics(pod)
    events = await conn.fetchval("SELECT count(*) FROM provider_event_ids")
    for name, expected in {
        'hingecraft_member_payments{status="paid"}': 2,
        'hingecraft_member_payments{status="failed"}': 0,
        'hingecraft_member_payments{status="expired"}': 1,
        "hingecraft_member_payment_success_rate": 2 / 3,
        "hingecraft_member_refunds": 0,
        "hingecraft_member_refund_rate": 0,
        'hingecraft_member_revenue{currency="USD",type="design"}': 12.5,
        'hingecraft_member_revenue{currency="USD",type="credits"}': 5,
        'hingecraft_stripe_webhooks{state="received"}': events,
        'hingecraft_stripe_webhooks{state="processed"}': events,
        'hingecraft_stripe_webhooks{state="waiting"}': 0,
    }.items():
        assert await pod.metric(name) == expected, name
    found = (await stats(pod))["intentToPurchase"]
    assert await pod.metric('hingecraft_member_intent_to_purchase_seconds{quantile="0.5"}') == found["p50"]
    assert await pod.metric('hingecraft_member_intent_to_purchase_seconds{quantile="0.99"}') == found["p99"]
