"""Pods that write about the same members at once take their locks in one order, so that none waits in a circle.

Each interleaving is forced: another connection holds the first lock until everybody waits for it.
"""

from __future__ import annotations

import asyncio
import json

import asyncpg
import pytest

from hingecraft.db import clock
from hingecraft.inbox import store as inbox
from hingecraft.payments.applying import PaymentEvents
from hingecraft.providers.stripe import webhook
from hingecraft.reconcile import store as due_checkouts
from hingecraft.reconcile.checker import Checker
from hingecraft.reconcile.model import Outcome
from hingecraft.reconcile.sweep import OPEN
from support.credits import assert_books_agree, balance_of, give_credits
from support.limits import PROGRESS
from support.lock_waits import until_waiting
from support.members import CHECKOUT, PACK, PLAN, Member, idle_pod_for_members, sell
from support.money import ledger, stripe_event
from support.pods import ADMIN, running_pod
from support.purchases import changes, intent_of, refund
from support.subscribing import press
from support.tokens import SETTINGS

pytestmark = pytest.mark.usefixtures("patient")

MONTH = (100, "basic_plan_monthly")
FREE = "SELECT id::text FROM payments WHERE id = $1::uuid FOR UPDATE SKIP LOCKED"
FREE_CHECKOUT = "SELECT payment_id::text FROM external_payments WHERE payment_id = $1::uuid FOR UPDATE SKIP LOCKED"
RENEWALS = "SELECT id::text FROM payments WHERE source = 'renewal' AND status = 'completed'"
CHECKOUTS = """
SELECT e.id FROM external_payments e JOIN payments p ON p.id = e.payment_id WHERE p.user_id = $1 FOR UPDATE OF e
"""
TOLD = ("invoice.paid", "customer.subscription.updated", "checkout.session.completed")
# Of these types: an event that loses a deadlock is tried again later.
NOT_AT_ONCE = """
SELECT type, error, attempts FROM provider_events
WHERE type = ANY ($1) AND (processed_at IS NULL OR error IS NOT NULL OR attempts <> 1)
"""
# The invoice of a payment becomes the first of its checkouts in the order in which they are locked.
INVOICE_FIRST = "UPDATE external_payments SET id = '00000000-0000-0000-0000-000000000001' WHERE kind = 'invoice'"
REJECTED = "SELECT type, error FROM provider_events WHERE error IS NOT NULL"
DUE = "UPDATE provider_events SET next_attempt_at = now() WHERE processed_at IS NULL"


@pytest.fixture
async def pods(dsn, sandbox):
    """Two that work only when they are told to."""
    async with (
        idle_pod_for_members(dsn, sandbox) as first,
        running_pod(dsn, background=False, **sandbox.settings, **SETTINGS) as second,
    ):
        yield first, second


@pytest.fixture
async def holder(dsn, pods):
    """A connection that holds a lock. It closes before the pods do, which may wait for it where a test has failed."""
    connection = await asyncpg.connect(dsn.newest)
    yield connection
    await connection.close()


@pytest.fixture
def alone(monkeypatch):
    """The events that were booked by themselves: after a deadlock those of a group are tried one by one."""
    found, apply = [], PaymentEvents.apply

    async def noted(handler, conn, event, reading):
        found.append(event.event_id)
        return await apply(handler, conn, event, reading)

    monkeypatch.setattr(PaymentEvents, "apply", noted)
    return found


async def until(conn, question, *values):
    async with asyncio.timeout(PROGRESS):
        while not await conn.fetchval(question, *values):
            await asyncio.sleep(0.02)


async def bought(price, *members):
    """Packs of these members, by payments whose ids are in the same order: a group is booked in that of its ids."""
    while True:
        made = [await each.buy(price) for each in members]
        ids = [each["paymentId"] for each in made]
        if ids == sorted(ids):
            return made


async def paid(sandbox, made, **more):
    """Stripe's event about the session of each."""
    events = []
    for each in made:
        session = await sandbox.stripe(f"checkout/sessions/{each['sessionId']}")
        complete = {"status": "complete", "payment_status": "paid", "payment_intent": f"pi_{each['paymentId']}"}
        events.append(stripe_event("checkout.session.completed", {**session, **complete}, **more))
    return events


async def put(conn, *events):
    await inbox.store(conn, [webhook.event_of(each) for each in events])


async def begun(conn, pod, events, waiting):
    """The work of a pod on these events, once so many wait for a lock."""
    await put(conn, *events)
    work = asyncio.create_task(pod.pod.worker.drain())
    await until_waiting(conn, waiting)
    return work


async def require_free(conn, member):
    """Nobody has the member's account, whether there is one or not."""
    transaction = conn.transaction()
    await transaction.start()
    await conn.execute("SET LOCAL lock_timeout = '10s'")
    await give_credits(conn, member.id, 1, "free")
    await transaction.rollback()


async def assert_all_at_once(conn):
    assert await conn.fetch(NOT_AT_ONCE, TOLD) == []
    await assert_books_agree(conn)


@pytest.mark.parametrize("has_account", [True, False])
async def test_grants_to_the_same_members_in_opposite_order_wait_for_the_same_account_first(
    pods, sandbox, conn, holder, alone, has_account
):
    price = (await sell(conn, sandbox, PACK))[PACK]
    ada, bob = sorted((Member(pods[0]), Member(pods[0])), key=lambda member: member.id)
    if has_account:
        for member in (ada, bob):
            await give_credits(conn, member.id, 1)
    orders = [await paid(sandbox, await bought(price, *members)) for members in ((ada, bob), (bob, ada))]
    async with holder.transaction():
        await give_credits(holder, ada.id, 1, "held")
        works = [await begun(conn, pod, orders[place], place + 1) for place, pod in enumerate(pods)]
        await require_free(conn, bob)
    assert await asyncio.gather(*works) == [2, 2]
    assert alone == []
    given = 1 if has_account else 0
    assert [await balance_of(conn, member.id) for member in (ada, bob)] == [101 + given, 100 + given]
    await assert_all_at_once(conn)


async def test_events_of_the_same_payments_in_opposite_order_wait_for_the_same_payment_first(
    pods, sandbox, conn, holder, alone
):
    """Both were told twice, under two names, and each pod has one of each."""
    price = (await sell(conn, sandbox, PACK))[PACK]
    ada, bob = Member(pods[0]), Member(pods[0])
    made = await bought(price, ada, bob)
    first, second = [each["paymentId"] for each in made]
    orders = [await paid(sandbox, made, sent="first"), (await paid(sandbox, made, sent="second"))[::-1]]
    async with holder.transaction():
        await holder.execute("SELECT FROM external_payments WHERE payment_id = $1::uuid FOR UPDATE", first)
        works = [await begun(conn, pod, orders[place], place + 1) for place, pod in enumerate(pods)]
        assert [await conn.fetchval(question, second) for question in (FREE_CHECKOUT, FREE)] == [second, second]
    assert await asyncio.gather(*works) == [2, 2]
    assert alone == []
    for member, payment in ((ada, first), (bob, second)):
        assert await ledger(conn, payment) == [("charge", 5, "USD", 5)]
        assert await balance_of(conn, member.id) == 50
    await assert_all_at_once(conn)


async def test_the_first_grants_of_a_database_on_two_pods_both_begin_its_mode(pods, sandbox, conn, holder, alone):
    """Both have read that it has none before either writes it."""
    price = (await sell(conn, sandbox, PACK))[PACK]
    members = [Member(pods[0]), Member(pods[0])]
    made = [await bought(price, member) for member in members]
    await conn.execute("UPDATE installation SET credits_livemode = NULL")
    async with holder.transaction():
        await holder.execute("SELECT FROM installation FOR SHARE")
        works = [await begun(conn, pod, await paid(sandbox, made[place]), place + 1) for place, pod in enumerate(pods)]
    assert await asyncio.gather(*works) == [1, 1]
    assert alone == []
    assert [await balance_of(conn, member.id) for member in members] == [50, 50]
    await assert_all_at_once(conn)


async def test_the_first_checkouts_of_a_database_on_two_pods_both_begin_its_mode(pods, sandbox, conn, holder):
    price = (await sell(conn, sandbox, PACK))[PACK]
    members = [Member(pod) for pod in pods]
    async with holder.transaction():
        await holder.execute("SELECT FROM installation FOR SHARE")
        buying = [asyncio.create_task(member.call("POST", CHECKOUT, {"priceId": price})) for member in members]
        await until_waiting(conn, 2)
    assert [status for status, _ in await asyncio.gather(*buying)] == [201, 201]


@pytest.fixture
async def renewed(pods, sandbox, conn):
    """A member whose plan is renewed at Stripe, and the events that nobody has told us of yet."""
    price = (await sell(conn, sandbox, PLAN))[PLAN]
    ada = Member(pods[0])
    plan = await ada.buy(price)
    await sandbox.act(plan["sessionId"], "pay")
    await put(conn, *await told(sandbox))
    await pods[0].pod.worker.drain()
    assert await changes(conn, ada.id) == [MONTH]
    await sandbox.ask("DELETE", "/_sandbox/book/events")
    subscription = (await sandbox.stripe(f"checkout/sessions/{plan['sessionId']}"))["subscription"]
    await press(sandbox, subscription, "renew")
    return ada, subscription


async def told(sandbox, *kinds):
    """The events of these types, or all, the oldest first."""
    found = (await sandbox.stripe("events?limit=100"))["data"]
    return [json.dumps(each).encode() for each in reversed(found) if not kinds or each["type"] in kinds]


async def delete(pod, member):
    status, answer = await pod.call("DELETE", f"/admin/users/{member.id}", headers=ADMIN)
    return status, answer["data"]["finished"]


async def assert_recorded_once(conn, sandbox, pods, subscription):
    """Whatever comes later changes nothing."""
    await assert_all_at_once(conn)
    await put(conn, *await told(sandbox))
    while await conn.fetchval("SELECT count(*) > count(processed_at) FROM provider_events"):
        await conn.execute(DUE)
        await pods[1].pod.worker.drain()
    (renewal,) = await conn.fetch(RENEWALS)
    assert await ledger(conn, renewal["id"]) == [("charge", 9, "USD", 9)]
    assert (await sandbox.stripe(f"subscriptions/{subscription}"))["status"] == "canceled"
    assert await conn.fetchval("SELECT status FROM subscriptions") == "canceled"
    await assert_books_agree(conn)


async def test_a_renewal_is_booked_while_its_user_is_being_deleted(pods, sandbox, conn, holder, renewed):
    """The deletion has the user's lock, and waits for a checkout. Only the subscription's copy waits for it."""
    ada, subscription = renewed
    async with holder.transaction():
        await holder.fetch(CHECKOUTS, ada.id)
        deleting = asyncio.create_task(delete(pods[0], ada))
        await until_waiting(conn)
        work = await begun(conn, pods[1], await told(sandbox, *TOLD), 2)
        await until(conn, f"SELECT EXISTS ({RENEWALS})")
    assert await deleting == (200, True)
    await work
    assert await changes(conn, ada.id) == [MONTH, MONTH], "it was paid before the deletion was committed"
    await assert_recorded_once(conn, sandbox, pods, subscription)


async def test_a_user_is_deleted_while_a_renewal_is_being_booked(pods, sandbox, conn, holder, renewed):
    """The renewal has its payment, and waits for the account."""
    ada, subscription = renewed
    async with holder.transaction():
        await give_credits(holder, ada.id, 1, "held")
        work = await begun(conn, pods[1], await told(sandbox, "invoice.paid"), 1)
        assert await delete(pods[0], ada) == (200, True)
    await work
    assert await changes(conn, ada.id) == [MONTH, (1, "test"), MONTH]
    await assert_recorded_once(conn, sandbox, pods, subscription)


async def test_a_check_and_a_refund_lock_the_checkouts_of_a_payment_in_the_same_order(pods, sandbox, conn, holder):
    """The check has begun before its member paid. It waits for the session, and the refund for the invoice."""
    price = (await sell(conn, sandbox, PLAN))[PLAN]
    ada = Member(pods[0])
    plan = await ada.buy(price)
    pod = pods[0].pod
    checker = Checker(pod.database, pod.providers, pod.currencies, pod.books, actor="reconcile")
    async with pod.database.connection() as own:
        (due,) = await due_checkouts.claim(
            own, OPEN, [pod.providers.stripe], await clock.moment(own), every=True, limit=1
        )
    await sandbox.act(plan["sessionId"], "pay")
    await put(conn, *await told(sandbox, "invoice.paid"))
    await pod.worker.drain()
    assert await changes(conn, ada.id) == [MONTH]
    await conn.execute(INVOICE_FIRST)
    await refund(sandbox, await intent_of(conn, plan["paymentId"]))
    async with holder.transaction():
        await holder.execute("SELECT FROM external_payments WHERE id = $1 FOR UPDATE", due.id)
        checking = asyncio.create_task(checker.check(due, print))
        await until_waiting(conn)
        work = await begun(conn, pods[1], await told(sandbox, "refund.created"), 2)
    assert await checking is not Outcome.FAILED
    await work
    assert await conn.fetch(REJECTED) == []
    assert await changes(conn, ada.id) == [MONTH, (-100, "refund_basic_plan_monthly")]
