"""Credits that were bought with test keys never count in a database that is live, nor the other way round."""

from __future__ import annotations

import asyncio
import json

import pytest

from hingecraft.credits import modes
from support.credits import balance_of
from support.members import CHECKOUT, PACK, Member, pod_for_members, sell
from support.money import all_processed, becomes, send_stripe, stripe_event
from support.purchases import changes, intent_of, refund

BOUGHT = (50, "quick_scan_purchase")
MODE = "SELECT credits_livemode FROM installation"
BY_PLAN = "SELECT by_plan::text FROM credit_accounts WHERE user_id = $1"
WHY = "SELECT details ->> 'because' FROM payment_audit WHERE action = 'credits_not_granted' AND payment_id = $1::uuid"
MISSING = "it was paid in test mode, and the credits are live"


@pytest.fixture
async def pod(dsn, sandbox):
    async with pod_for_members(dsn, sandbox) as running:
        yield running


@pytest.fixture
async def price(conn, sandbox):
    return (await sell(conn, sandbox, PACK))[PACK]


async def buy(member, sandbox, conn, price):
    bought = await member.buy(price)
    await sandbox.act(bought["sessionId"], "pay")
    await becomes(conn, bought["paymentId"], "completed")
    return bought


async def go_live(database):
    """With the rights of the application."""
    async with database.transaction() as conn:
        await conn.execute("SET LOCAL ROLE hingecraft_app")
        assert await modes.counts(conn, livemode=True)
        return await modes.claim(conn, livemode=True)


async def pay_live(pod, sandbox, conn, bought):
    """As if the checkout had been opened and paid with live keys, which the sandbox does not take."""
    payment = bought["paymentId"]
    async with conn.transaction():
        await conn.execute(
            "INSERT INTO payment_audit (payment_id, actor, action) VALUES ($1::uuid, 'test', 'event_applied')", payment
        )
        await conn.execute("UPDATE payments SET livemode = true WHERE id = $1::uuid", payment)
        await conn.execute("UPDATE external_payments SET livemode = true WHERE payment_id = $1::uuid", payment)
    session = await sandbox.stripe(f"checkout/sessions/{bought['sessionId']}")
    paid = {**session, "livemode": True, "status": "complete", "payment_status": "paid", "payment_intent": "pi_live"}
    assert (await send_stripe(pod, stripe_event("checkout.session.completed", paid, livemode=True)))[0] == 200
    await becomes(conn, payment, "completed")


async def test_going_live_removes_what_test_mode_gave_once_and_leaves_no_debt(pod, sandbox, conn, price):
    ada, bob, eve = Member(pod), Member(pod), Member(pod)
    for member in (ada, bob, eve):
        await buy(member, sandbox, conn, price)
    await conn.fetchval("SELECT spend_user_credits($1, 30, 'scan', NULL)", bob.id)
    await conn.fetchval("SELECT spend_user_credits($1, 50, 'scan', NULL)", eve.id)
    await conn.execute("SELECT add_user_credits($1, 7, 'evt_1', NULL, NULL, 'present', NULL)", ada.id)
    assert await conn.fetchval(MODE) is False
    async with pod.pod.database.transaction() as other:
        await other.execute("SET LOCAL ROLE hingecraft_app")
        assert await modes.counts(other, livemode=False)
    assert await asyncio.gather(*(go_live(pod.pod.database) for _ in range(5))) == [True] * 5
    assert await conn.fetchval(MODE) is True
    assert [await balance_of(conn, member.id) for member in (ada, bob, eve)] == [7, 0, 0]
    for member in (ada, bob, eve):
        assert json.loads(await conn.fetchval(BY_PLAN, member.id))["credits"] == 0
    removed = (-50, "test_credits_removed")
    assert await changes(conn, bob.id) == [BOUGHT, (-30, "spend"), removed, (30, "test_spends_removed")]
    assert await conn.fetchval("SELECT count(*) FROM payment_audit WHERE action = 'credits_went_live'") == 1


async def test_a_live_database_counts_nothing_of_test_mode(pod, sandbox, conn, price):
    ada = Member(pod)
    earlier = await buy(ada, sandbox, conn, price)
    late = await ada.buy(price)
    await go_live(pod.pod.database)
    before = await changes(conn, ada.id)
    await sandbox.act(late["sessionId"], "pay")
    await becomes(conn, late["paymentId"], "completed")
    await refund(sandbox, await intent_of(conn, earlier["paymentId"]))
    await becomes(conn, earlier["paymentId"], "refunded")
    await all_processed(conn)
    assert (await changes(conn, ada.id), await balance_of(conn, ada.id)) == (before, 0)
    assert await conn.fetchval(WHY, late["paymentId"]) == MISSING
    status, answer = await ada.call("POST", CHECKOUT, {"priceId": price})
    assert (status, answer["code"]) == (503, "provider_disabled"), "a test key sells nothing that would not count"
    assert await conn.fetchval("SELECT count(*) FROM payments") == 2


async def test_the_first_live_money_makes_the_credits_live(pod, sandbox, conn, price):
    ada, bob = Member(pod), Member(pod)
    await buy(bob, sandbox, conn, price)
    await pay_live(pod, sandbox, conn, await ada.buy(price))
    assert await conn.fetchval(MODE) is True
    assert await changes(conn, ada.id) == [BOUGHT]
    assert await balance_of(conn, bob.id) == 0


async def test_a_database_that_has_sold_in_live_mode_is_live_whatever_key_comes_first(pod, sandbox, conn, price):
    ada = Member(pod)
    await pay_live(pod, sandbox, conn, await ada.buy(price))
    await conn.execute("UPDATE installation SET credits_livemode = NULL")
    async with pod.pod.database.transaction() as other:
        assert await modes.claim(other, livemode=False) is True
    assert await balance_of(conn, ada.id) == 50
