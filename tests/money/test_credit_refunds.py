"""Refunds and disputes take credits back, in any order, and give them back when they fail or are won."""

from __future__ import annotations

import asyncio

import pytest

from support.credits import balance_of
from support.limits import PROGRESS
from support.members import PACK, make_price, pod_for_members, sell
from support.money import all_processed, becomes, send_stripe, stripe_event
from support.purchases import changes, customer_of, intent_of, refund, rows, session_for

BOUGHT = (50, "quick_scan_purchase")
EVENT_OF = {"refund_half": "refund.created", "dispute": "charge.dispute.created"}


@pytest.fixture
async def pod(dsn, sandbox):
    async with pod_for_members(dsn, sandbox) as running:
        yield running


@pytest.fixture
async def bought(ada, sandbox, conn):
    """A pack of 50 credits for 5 USD, paid."""
    prices = await sell(conn, sandbox, PACK)
    made = await ada.buy(prices[PACK])
    await sandbox.act(made["sessionId"], "pay")
    await becomes(conn, made["paymentId"], "completed")
    return made


async def press(sandbox, session, *acts):
    for act in acts:
        await sandbox.act(session, act)


async def decide(sandbox, *ends):
    (dispute, *_) = (await sandbox.stripe("disputes?limit=1"))["data"]
    for end in ends:
        await sandbox.ask("POST", f"/pay/stripe/dispute/{dispute['id']}/{end}", allow_redirects=False)


async def settled(conn, number):
    """Wait until this number of movements is booked and every event is processed."""
    async with asyncio.timeout(PROGRESS):
        while await conn.fetchval("SELECT count(*) FROM settlements") < number:
            await conn.execute("UPDATE provider_events SET next_attempt_at = now() WHERE claimed_until IS NULL")
            await asyncio.sleep(0.05)
    await all_processed(conn)


async def test_a_full_refund_takes_exactly_the_grant(ada, bought, sandbox, conn):
    await press(sandbox, bought["sessionId"], "refund")
    await becomes(conn, bought["paymentId"], "refunded")
    (grant, taken) = await rows(conn, ada.id)
    (refunded,) = (await sandbox.stripe("refunds?limit=1"))["data"]
    assert (taken["delta"], taken["reason"]) == (-50, "refund_quick_scan_purchase")
    grant_id = await conn.fetchval("SELECT id FROM credits_transactions WHERE ref = $1", grant["ref"])
    assert taken["ref"] == f"refund:{refunded['id']}/{grant_id}"
    assert (taken["plan_type"], taken["payment"]) == ("credits", bought["paymentId"])


async def test_ten_refunds_of_a_cent_in_any_order_take_one_credit(pod, ada, bought, sandbox, conn):
    await sandbox.tells(pod.public, times=2, shuffled=True)
    intent = await intent_of(conn, bought["paymentId"])
    for _ in range(10):
        await refund(sandbox, intent, 1)
    await settled(conn, 11)
    assert await changes(conn, ada.id) == [BOUGHT, (-1, "refund_quick_scan_purchase")]


async def test_a_refund_that_fails_after_a_second_one_gives_its_part_back(pod, ada, bought, sandbox, conn):
    await sandbox.tells(pod.public, times=2, shuffled=True)
    intent = await intent_of(conn, bought["paymentId"])
    first = await refund(sandbox, intent, 100)
    await refund(sandbox, intent, 250)
    await sandbox.ask("POST", f"/pay/stripe/refund/{first}/fail", allow_redirects=False)
    await settled(conn, 4)
    assert await balance_of(conn, ada.id) == 25
    await changes(conn, ada.id)


async def test_a_refund_of_spent_credits_makes_the_balance_negative(ada, bought, sandbox, conn):
    spend = "SELECT spend_user_credits($1, 30, 'scan', NULL)"
    assert await conn.fetchval(spend, ada.id) == 20
    await press(sandbox, bought["sessionId"], "refund")
    await becomes(conn, bought["paymentId"], "refunded")
    assert await balance_of(conn, ada.id) == -30


@pytest.mark.parametrize(
    ("acts", "number", "left"),
    [
        (("dispute",), 2, 0),
        (("dispute", "lost"), 2, 0),
        (("dispute", "won"), 3, 50),
        (("inquire",), 1, 50),
        (("inquire", "drop"), 1, 50),
        (("inquire", "escalate", "won"), 3, 50),
        (("block",), 1, 50),
        (("dispute", "lost", "appeal", "won"), 3, 50),
    ],
)
async def test_a_dispute_takes_only_what_it_withdraws(pod, ada, bought, sandbox, conn, acts, number, left):
    await sandbox.tells(pod.public, times=2, shuffled=True)
    await press(sandbox, bought["sessionId"], acts[0])
    await decide(sandbox, *acts[1:])
    await settled(conn, number)
    assert await balance_of(conn, ada.id) == left
    await changes(conn, ada.id)


async def test_a_dispute_won_after_a_half_refund_leaves_the_other_half(ada, bought, sandbox, conn):
    await press(sandbox, bought["sessionId"], "refund_half")
    await settled(conn, 2)
    await press(sandbox, bought["sessionId"], "dispute")
    await settled(conn, 3)
    await decide(sandbox, "won")
    await settled(conn, 4)
    assert await balance_of(conn, ada.id) == 25
    assert (await changes(conn, ada.id))[-1][1] == "dispute_quick_scan_purchase_reversal"


async def test_a_refund_that_comes_before_its_payment_is_known(pod, ada, sandbox, conn):
    """The event of the session is lost: the refund finds it, and both are booked in one transaction."""
    prices = await sell(conn, sandbox, PACK)
    await ada.buy(prices[PACK])
    session = await session_for(sandbox, await customer_of(conn, ada), (prices[PACK], 2))
    await sandbox.tells(pod.public, enabled=False)
    await press(sandbox, session, "pay", "refund_half")
    (made,) = (await sandbox.stripe("refunds?limit=1"))["data"]
    assert (await send_stripe(pod, stripe_event("refund.created", made)))[0] == 200
    await settled(conn, 2)
    assert await changes(conn, ada.id) == [(100, "quick_scan_purchase"), (-50, "refund_quick_scan_purchase")]


@pytest.mark.parametrize(("act", "left"), [("refund_half", 57), ("dispute", 0)])
async def test_what_goes_back_while_a_price_is_unknown_is_taken_when_it_is_granted(ada, sandbox, conn, act, left):
    prices = await sell(conn, sandbox, PACK)
    await ada.buy(prices[PACK])
    new = await make_price(sandbox, 700)
    await press(
        sandbox, await session_for(sandbox, await customer_of(conn, ada), (prices[PACK], 1), (new, 1)), "pay", act
    )
    waiting = "SELECT count(DISTINCT type) FROM provider_events WHERE error LIKE 'unknown price %' AND type = ANY ($1)"
    async with asyncio.timeout(PROGRESS):
        while await conn.fetchval(waiting, ["checkout.session.completed", EVENT_OF[act]]) < 2:
            await asyncio.sleep(0.05)
    assert await changes(conn, ada.id) == []
    await conn.execute(
        "INSERT INTO credit_prices (price_id, code, kind, credits, plan_type, reason, active) "
        "VALUES ($1, 'NEW', 'pack', 64, 'credits', 'new_purchase', false)", new,
    )  # fmt: skip
    await settled(conn, 2)
    assert await balance_of(conn, ada.id) == left
    assert len(await changes(conn, ada.id)) == 4


async def test_a_payment_that_an_admin_corrects_after_its_refund_keeps_what_was_not_refunded(pod, ada, sandbox, conn):
    """It was paid with another amount than requested, so nothing was granted, and then half of it was refunded."""
    prices = await sell(conn, sandbox, PACK)
    made = await ada.buy(prices[PACK])
    await conn.execute("UPDATE payments SET amount = 7 WHERE id = $1::uuid", made["paymentId"])
    await press(sandbox, made["sessionId"], "pay", "refund_half")
    await settled(conn, 2)
    assert await changes(conn, ada.id) == []
    await conn.execute("UPDATE payments SET amount = 5 WHERE id = $1::uuid", made["paymentId"])
    session = await sandbox.stripe(f"checkout/sessions/{made['sessionId']}")
    assert (await send_stripe(pod, stripe_event("checkout.session.completed", session)))[0] == 200
    await becomes(conn, made["paymentId"], "partially_refunded")
    assert await changes(conn, ada.id) == [BOUGHT, (-25, "refund_quick_scan_purchase")]


async def test_a_lost_refund_is_found_by_a_repeat_of_its_event_and_taken_once(pod, ada, bought, sandbox, conn):
    await sandbox.tells(pod.public, enabled=False)
    refunded = await refund(sandbox, await intent_of(conn, bought["paymentId"]), 100)
    made = await sandbox.stripe(f"refunds/{refunded}")
    for kind in ("refund.created", "refund.updated", "refund.updated"):
        assert (await send_stripe(pod, stripe_event(kind, made)))[0] == 200
    await settled(conn, 2)
    assert await changes(conn, ada.id) == [BOUGHT, (-10, "refund_quick_scan_purchase")]
