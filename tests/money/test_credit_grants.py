"""Packs: granted with the money, once, for the user whose payment it is."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from uuid import UUID, uuid4

import asyncpg
import pytest

from hingecraft.inbox import watch
from hingecraft.payments import history
from hingecraft.trail.text import lines_of
from hingecraft_api.features.credits import CREDITS
from support.credits import balance_of
from support.limits import PROGRESS
from support.members import PACK, Member, make_price, pod_for_members, sell
from support.money import all_processed, becomes, ledger, send_stripe, status_of, stripe_event
from support.purchases import changes, customer_of, rows, session_for

UNKNOWN_PRICES = "hingecraft_unknown_prices"
BROUGHT = (50, "quick_scan_purchase")
ADD = "SELECT add_user_credits($1, 50, $2, 'pi_old', $3, 'quick_scan_purchase', 'credits')"
WAITS = """
SELECT true FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.fixture
async def pod(dsn, sandbox):
    async with pod_for_members(dsn, sandbox) as running:
        yield running


@pytest.fixture
async def prices(sandbox, conn):
    return await sell(conn, sandbox, PACK, "POWER_PACK")


async def test_a_pack_is_granted_with_its_money(ada, prices, sandbox, conn):
    bought = await ada.buy(prices[PACK])
    await sandbox.act(bought["sessionId"], "pay")
    await becomes(conn, bought["paymentId"], "completed")
    (row,) = await rows(conn, ada.id)
    intent = await conn.fetchval("SELECT provider_ref FROM settlements")
    event = row.pop("stripe_event_id")
    assert row == {
        "delta": 50, "reason": "quick_scan_purchase", "plan_type": "credits", "ref": f"{bought['sessionId']}/1",
        "stripe_payment_id": intent, "stripe_price_id": prices[PACK], "payment": bought["paymentId"],
    }  # fmt: skip
    told = await conn.fetchrow(
        "SELECT request_id, details FROM payment_audit WHERE action = 'credits_changed' AND payment_id = $1::uuid",
        bought["paymentId"],
    )
    assert told["request_id"] == event
    assert await conn.fetchval("SELECT purpose FROM settlements") == "credits"
    assert await balance_of(conn, ada.id) == 50
    assert await conn.fetchval("SELECT count(*) FROM settlement_totals") == 0, "no donation"


async def test_the_history_of_a_payment_shows_its_grant_and_what_was_taken(pod, ada, prices, sandbox, conn):
    bought = await ada.buy(prices[PACK])
    await sandbox.act(bought["sessionId"], "pay")
    await becomes(conn, bought["paymentId"], "completed")
    await sandbox.act(bought["sessionId"], "refund_half")
    await becomes(conn, bought["paymentId"], "partially_refunded")
    told = "\n".join(lines_of(await history.with_subscription(pod.pod.database, UUID(bought["paymentId"]))))
    assert f"+50 for quick_scan_purchase ({bought['sessionId']}/1), balance 50" in told
    assert "-25 for refund_quick_scan_purchase (refund:re_" in told


async def test_events_twice_late_and_in_any_order_grant_once(pod, ada, prices, sandbox, conn):
    await sandbox.tells(pod.public, times=3, shuffled=True)
    for _ in range(2):
        bought = await ada.buy(prices[PACK])
        await sandbox.act(bought["sessionId"], "pay")
        await becomes(conn, bought["paymentId"], "completed")
    await all_processed(conn, at_least=4)
    assert await changes(conn, ada.id) == [BROUGHT, BROUGHT]


async def test_a_delayed_method_grants_when_the_money_arrives(ada, prices, sandbox, conn):
    bought = await ada.buy(prices[PACK])
    await sandbox.act(bought["sessionId"], "pay_later")
    await all_processed(conn, at_least=1)
    assert (await status_of(conn, bought["paymentId"]), await changes(conn, ada.id)) == ("pending", [])
    await sandbox.act(bought["sessionId"], "arrive")
    await becomes(conn, bought["paymentId"], "completed")
    assert await changes(conn, ada.id) == [BROUGHT]


async def test_a_payment_that_bounces_grants_nothing(ada, prices, sandbox, conn):
    bought = await ada.buy(prices[PACK])
    await sandbox.act(bought["sessionId"], "pay_later")
    await sandbox.act(bought["sessionId"], "bounce")
    await becomes(conn, bought["paymentId"], "failed")
    assert await changes(conn, ada.id) == []


async def test_a_discount_of_all_of_it_grants_all_of_it(pod, ada, prices, sandbox, conn):
    """Without an intent and without money: the session says that no payment was required."""
    bought = await ada.buy(prices[PACK])
    session = await sandbox.stripe(f"checkout/sessions/{bought['sessionId']}")
    free = {**session, "status": "complete", "payment_status": "no_payment_required", "amount_total": 0}
    assert (await send_stripe(pod, stripe_event("checkout.session.completed", free)))[0] == 200
    await becomes(conn, bought["paymentId"], "completed")
    assert await changes(conn, ada.id) == [BROUGHT]
    assert (await ledger(conn, bought["paymentId"]), (await rows(conn, ada.id))[0]["stripe_payment_id"]) == ([], None)


async def test_another_amount_than_asked_for_grants_nothing(pod, ada, prices, sandbox, conn):
    bought = await ada.buy(prices[PACK])
    session = await sandbox.stripe(f"checkout/sessions/{bought['sessionId']}")
    await sandbox.act(bought["sessionId"], "pay")
    await becomes(conn, bought["paymentId"], "completed")
    other = await ada.buy(prices[PACK])
    await conn.execute("UPDATE payments SET amount = 7 WHERE id = $1::uuid", other["paymentId"])
    await sandbox.act(other["sessionId"], "pay")
    await becomes(conn, other["paymentId"], "error")
    assert session["amount_subtotal"] == 500
    assert await changes(conn, ada.id) == [BROUGHT]


async def test_a_session_from_the_dashboard_grants_all_of_its_lines(ada, prices, sandbox, conn):
    await ada.buy(prices[PACK])
    customer = await customer_of(conn, ada)
    session = await session_for(sandbox, customer, (prices[PACK], 3), (prices["POWER_PACK"], 1))
    await sandbox.act(session, "pay")
    await all_processed(conn, at_least=2)
    assert sorted(await changes(conn, ada.id)) == [(150, "quick_scan_purchase"), (250, "power_pack_purchase")]
    payment = await conn.fetchrow("SELECT * FROM payments WHERE source = 'dashboard'")
    assert (payment["purpose"], payment["user_id"], payment["amount"]) == ("credits", ada.id, Decimal(35))
    assert payment["provider_id"] == session


async def test_more_lines_than_a_page_has_are_all_read(ada, prices, sandbox, conn):
    await ada.buy(prices[PACK])
    session = await session_for(sandbox, await customer_of(conn, ada), *[(prices[PACK], 1)] * 120)
    await sandbox.act(session, "pay")
    await all_processed(conn, at_least=2)
    assert await balance_of(conn, ada.id) == 6000


async def test_the_session_of_a_stranger_is_ignored(prices, sandbox, conn, ada):
    stranger = (await sandbox.ask("POST", "/v1/customers", headers={"Authorization": "Bearer sk_test_x"}))["id"]
    session = await session_for(sandbox, stranger, (prices[PACK], 1))
    await sandbox.act(session, "pay")
    await all_processed(conn, at_least=2)
    reasons = {row[0] for row in await conn.fetch("SELECT ignored_because FROM provider_events")}
    assert "nobody here has its customer" in reasons
    assert await conn.fetchval("SELECT count(*) FROM payments") == 0


async def test_a_deleted_user_gets_a_row_in_the_history_and_no_credits(ada, prices, sandbox, conn):
    bought = await ada.buy(prices[PACK])
    await conn.execute("INSERT INTO deleted_users (user_id) VALUES ($1)", ada.id)
    await sandbox.act(bought["sessionId"], "pay")
    await becomes(conn, bought["paymentId"], "completed")
    assert await changes(conn, ada.id) == []
    assert len(await ledger(conn, bought["paymentId"])) == 1
    told = await conn.fetchval("SELECT details ->> 'because' FROM payment_audit WHERE action = 'credits_not_granted'")
    assert told == "the user was deleted"


async def test_what_the_original_function_granted_for_the_event_is_not_granted_again(pod, ada, prices, sandbox, conn):
    bought = await ada.buy(prices[PACK])
    session = await sandbox.stripe(f"checkout/sessions/{bought['sessionId']}")
    paid = {**session, "status": "complete", "payment_status": "paid", "payment_intent": "pi_old"}
    body = stripe_event("checkout.session.completed", paid)
    event = stripe_event_id(body)
    await conn.execute(ADD, ada.id, event, prices[PACK])
    assert (await send_stripe(pod, body))[0] == 200
    await becomes(conn, bought["paymentId"], "completed")
    assert await balance_of(conn, ada.id) == 50


async def test_an_event_that_the_original_function_is_granting_is_waited_for(pod, ada, prices, sandbox, conn, dsn):
    bought = await ada.buy(prices[PACK])
    session = await sandbox.stripe(f"checkout/sessions/{bought['sessionId']}")
    paid = {**session, "status": "complete", "payment_status": "paid", "payment_intent": "pi_old"}
    body = stripe_event("checkout.session.completed", paid)
    other = await asyncpg.connect(dsn.newest)
    async with other.transaction():
        await other.execute(ADD, ada.id, stripe_event_id(body), prices[PACK])
        assert (await send_stripe(pod, body))[0] == 200
        async with asyncio.timeout(PROGRESS):
            while not await conn.fetchval(WAITS):
                await asyncio.sleep(0.02)
    await other.close()
    await becomes(conn, bought["paymentId"], "completed")
    assert await balance_of(conn, ada.id) == 50


def stripe_event_id(body):
    return body.decode().split('"id": "')[1].split('"')[0]


async def test_events_of_two_users_in_one_batch_are_granted_together(pod, prices, sandbox, conn):
    members = [Member(pod, uuid4(), email=f"user{number}@example.com") for number in range(4)]
    bought = [await member.buy(prices[PACK]) for member in members]
    for each in (*bought, *reversed(bought)):
        session = await sandbox.stripe(f"checkout/sessions/{each['sessionId']}")
        paid = {**session, "status": "complete", "payment_status": "paid", "payment_intent": f"pi_{each['paymentId']}"}
        assert (await send_stripe(pod, stripe_event("checkout.session.completed", paid)))[0] == 200
    await all_processed(conn, at_least=4)
    assert [await balance_of(conn, member.id) for member in members] == [50] * 4


async def test_a_new_price_is_granted_within_a_minute_after_its_row_exists(
    pod, ada, prices, sandbox, conn, monkeypatch
):
    monkeypatch.setattr(watch, "_EVERY", 0.02)
    watching = asyncio.ensure_future(CREDITS.works(pod.pod)["watching unknown prices"]())
    assert await pod.metric(UNKNOWN_PRICES) == 0
    await ada.buy(prices[PACK])
    new = await make_price(sandbox, 700)
    session = await session_for(sandbox, await customer_of(conn, ada), (prices[PACK], 1), (new, 2))
    await sandbox.act(session, "pay")
    error = f"unknown price {new}: add it with `hingecraft credits prices set`"
    await waits_with(conn, error)
    assert await conn.fetchval("SELECT count(*) FROM settlements") == 0
    await pod.shows(UNKNOWN_PRICES, 1)
    assert await changes(conn, ada.id) == []
    await conn.execute("UPDATE provider_events SET next_attempt_at = now() + interval '1 hour' WHERE error = $1", error)
    await conn.execute(
        "INSERT INTO credit_prices (price_id, code, kind, credits, plan_type, reason, active) "
        "VALUES ($1, 'NEW', 'pack', 70, 'credits', 'new_purchase', false)", new,
    )  # fmt: skip
    await pod.shows(UNKNOWN_PRICES, 0)
    await all_granted(conn)
    assert sorted(await changes(conn, ada.id)) == [BROUGHT, (140, "new_purchase")]
    watching.cancel()


async def waits_with(conn, error):
    await until(conn, "SELECT count(*) FROM provider_events WHERE error = $1", error)


async def all_granted(conn):
    await until(conn, "SELECT (SELECT count(*) FROM provider_events WHERE processed_at IS NULL) = 0")


async def until(conn, question, *values):
    async with asyncio.timeout(PROGRESS):
        while not await conn.fetchval(question, *values):
            await asyncio.sleep(0.05)
