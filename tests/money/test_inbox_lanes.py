"""The places of the inbox: no provider waits for another, no event for a question, no group for one of its members."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from typing import Any

import pytest

from hingecraft.errors import DatabaseUnavailableError
from hingecraft.inbox import breaker as breaking
from hingecraft.inbox import lane as inbox_lane
from hingecraft.inbox import store
from hingecraft.inbox.breaker import Breaker
from hingecraft.inbox.lane import Lane
from hingecraft.inbox.model import InboundEvent
from support.limits import PROGRESS
from support.lock_waits import until_waiting
from support.money import all_processed, becomes, give, ledger, send_hint, send_stripe, status_of, stripe_event
from support.pods import running_pod

TRIED = "SELECT count(*) FROM provider_events WHERE source = $1 AND error IS NOT NULL"
CLAIMED = "SELECT count(*) FROM provider_events WHERE source = $1 AND claimed_until > now()"
SESSION = "SELECT provider_id FROM external_payments WHERE payment_id = $1::uuid"


async def ipns(pod, number):
    """So many IPNs, each about a payment of its own."""
    for each in range(number):
        await send_hint(pod, payment_id=5_000_000_000 + each, payment_status="waiting")


async def until(look, within=PROGRESS):
    async with asyncio.timeout(within):
        while not await look():
            await asyncio.sleep(0.02)


async def paid(pod, conn, given, **more):
    """Stripe tells that a checkout was paid."""
    payment = given["paymentId"]
    session = {
        "id": await conn.fetchval(SESSION, payment), "object": "checkout.session", "mode": "payment", "livemode": False,
        "currency": "usd", "amount_total": 500, "amount_subtotal": 500, "status": "complete", "payment_status": "paid",
        "payment_intent": f"pi_{payment}", "payment_link": None, "client_reference_id": payment,
        "metadata": {"payment_id": payment}, **more,
    }  # fmt: skip
    assert (await send_stripe(pod, stripe_event("checkout.session.completed", session)))[0] == 200


async def test_a_provider_that_hangs_delays_no_event_of_another(pod, sandbox, conn):
    """Nor does it hold more claims than it has places."""
    given = await give(pod, amount=5)
    await sandbox.fault("timeout_before", provider="nowpayments", path="/payment/", seconds=60, times=1000)
    await ipns(pod, 12)
    await until(lambda: conn.fetchval(CLAIMED, "nowpayments"))
    await paid(pod, conn, given)
    await becomes(conn, given["paymentId"], "completed")
    assert await conn.fetchval(TRIED, "nowpayments") == 0, "no question has ended meanwhile"
    assert 1 <= await conn.fetchval(CLAIMED, "nowpayments") <= 4


async def test_an_event_that_needs_no_question_never_waits_for_one_that_does(pod, sandbox, conn):
    asking = [await give(pod, amount="12.50", currency="EUR") for _ in range(6)]
    given = await give(pod, amount=5)
    await sandbox.fault(
        "timeout_before", provider="stripe", method="GET", path="checkout/sessions", seconds=60, times=99
    )
    for each in asking:
        await paid(pod, conn, each, currency="eur", amount_total=1250, amount_subtotal=1250)
    await until(lambda: conn.fetchval("SELECT bool_or(must_ask AND claimed_until > now()) FROM provider_events"))
    await paid(pod, conn, given)
    await becomes(conn, given["paymentId"], "completed")
    assert await conn.fetchval(TRIED, "stripe") == 0, "no question has ended meanwhile"


async def test_a_provider_that_does_not_answer_is_asked_no_more_and_a_killed_worker_leaves_nothing_claimed(
    dsn, sandbox, conn
):
    """The breaker is open when the pod dies: the next one asks again, and everything that has waited is processed."""
    async with running_pod(dsn, **sandbox.settings) as pod:
        given = [await give(pod, amount=25, currency="BTC") for _ in range(8)]
        payments = [await sandbox.coins(each["url"], "pay") for each in given]
        await sandbox.fault("status_before", provider="nowpayments", path="/payment/", status=503, times=1000)
        for payment in payments:
            await send_hint(pod, payment_id=int(payment), payment_status="finished")
        await until(lambda: conn.fetchval(f"SELECT ({TRIED}) >= 3", "nowpayments"))
        await until(lambda: conn.fetchval(f"SELECT ({CLAIMED}) = 0", "nowpayments"))
        assert await conn.fetchval("SELECT count(*) FROM provider_events WHERE attempts = 0") >= 1
    await sandbox.ask("DELETE", "/_sandbox/switches")
    async with running_pod(dsn, **sandbox.settings):
        await all_processed(conn, at_least=8)
        for each in given:
            await becomes(conn, each["paymentId"], "completed")
    assert await conn.fetchval("SELECT count(*) FROM settlements") == 8


def test_a_breaker_lets_one_question_try_and_opens_again_for_all_when_it_is_answered():
    now = 0.0
    breaker = Breaker("nowpayments", clock=lambda: now)
    for _ in range(breaking.OPENS_AFTER):
        assert breaker.room(4, 1) == 3
        breaker.failed()
    assert breaker.is_open
    assert breaker.room(4, 0) == 0
    now += breaking.TRIES_EVERY
    assert (breaker.room(4, 0), breaker.room(4, 1)) == (1, 0)
    breaker.failed()
    assert breaker.room(4, 0) == 0
    now += breaking.TRIES_EVERY
    breaker.answered()
    assert breaker.room(4, 1) == 3


@pytest.mark.parametrize(
    ("odd", "error"),
    [
        ({"payment_status": "\x00"}, "UntranslatableCharacterError"),
        ({"currency": "\x00\ud800"}, "is not in the table currencies"),
        ({"amount_total": None}, "an amount is not a whole number"),
        ({"metadata": ["payment_id"]}, "AttributeError"),
    ],
)
async def test_one_event_that_cannot_be_processed_keeps_none_of_its_group(dsn, sandbox, conn, caplog, odd, error):
    """It is kept with its error, a bug is in the log at once, and the next drain meets only this event."""
    async with running_pod(dsn, **sandbox.settings, background=False) as pod:
        given = [await give(pod, amount=5) for _ in range(4)]
        for number, each in enumerate(given):
            await paid(pod, conn, each, **(odd if number == 2 else {}))
        assert await pod.pod.worker.drain() == 4
        statuses = [await status_of(conn, each["paymentId"]) for each in given]
        assert statuses == ["completed", "completed", "pending", "completed"]
        row = await conn.fetchrow("SELECT error, attempts FROM provider_events WHERE processed_at IS NULL")
        assert error in row["error"]
        ours = "Error" in error
        told = [
            record for record in caplog.records if record.levelno >= logging.ERROR and "cannot be" in record.message
        ]
        assert bool(told) is ours
        await conn.execute("UPDATE provider_events SET next_attempt_at = now() WHERE processed_at IS NULL")
        assert await pod.pod.worker.drain() == 1
    assert len(await ledger(conn, given[0]["paymentId"])) == 1


async def test_a_group_with_two_events_of_one_payment_writes_them_down_in_their_order(dsn, sandbox, conn):
    async with running_pod(dsn, **sandbox.settings, background=False) as pod:
        first, second = [await give(pod, amount=5) for _ in range(2)]
        await paid(pod, conn, first)
        await paid(pod, conn, second)
        await paid(pod, conn, first, sent="again")
        assert await pod.pod.worker.drain() == 3
    for given in (first, second):
        assert await status_of(conn, given["paymentId"]) == "completed"
        assert await ledger(conn, given["paymentId"]) == [("charge", 5, "USD", 5)]
    told = "SELECT details FROM payment_audit WHERE payment_id = $1::uuid AND action = 'event_applied' ORDER BY id"
    moves = [json.loads(row["details"]).get("to") for row in await conn.fetch(told, first["paymentId"])]
    assert moves == ["completed", None]


async def test_an_event_that_comes_twice_and_late_while_its_first_is_being_asked_about_counts_once(dsn, sandbox, conn):
    """Two pods, each with places of its own; the claim of the first ends while its question is under way."""
    async with running_pod(dsn, **sandbox.settings) as first, running_pod(dsn, **sandbox.settings):
        given = await give(first, amount=25, currency="BTC")
        payment = await sandbox.coins(given["url"], "pay")
        await sandbox.fault("slow", provider="nowpayments", path="/payment/", seconds=120, times=2)
        for status in ("finished", "confirmed", "finished"):
            await send_hint(first, payment_id=int(payment), payment_status=status, x=str(uuid.uuid4()))
        await until(lambda: conn.fetchval(f"SELECT ({CLAIMED}) > 0", "nowpayments"))
        await conn.execute("UPDATE provider_events SET claimed_until = now(), next_attempt_at = now()")
        await sandbox.ask("DELETE", "/_sandbox/faults")
        await all_processed(conn, at_least=3)
        await becomes(conn, given["paymentId"], "completed")
    assert [(kind, currency) for kind, _, currency, _ in await ledger(conn, given["paymentId"])] == [("charge", "BTC")]


FREE = "SELECT claimed_until IS NULL AND next_attempt_at <= now() AND attempts = 0 FROM provider_events"


async def stopped(work, monkeypatch):
    """Stop it as a pod does, on a machine that may be slow: a pod gives the database half a second."""
    monkeypatch.setattr(inbox_lane, "_GIVE_BACK_WITHIN", PROGRESS)
    work.cancel()
    await asyncio.wait([work])


async def test_what_is_claimed_at_the_moment_in_which_a_pod_stops_is_free_at_once(dsn, sandbox, conn, monkeypatch):
    """The claim is committed, and its answer is still on the way."""
    committed, claim = asyncio.Event(), store.claim

    async def slow(*arguments, **more):
        events = await claim(*arguments, **more)
        if events:
            committed.set()
            await asyncio.sleep(0.1)
        return events

    async with running_pod(dsn, **sandbox.settings, background=False) as pod:
        given = await give(pod, amount=5)
        await paid(pod, conn, given)
        monkeypatch.setattr(store, "claim", slow)
        work = asyncio.create_task(pod.pod.worker.run())
        await committed.wait()
        await stopped(work, monkeypatch)
        assert await conn.fetchval(FREE) is True
        monkeypatch.setattr(store, "claim", claim)
        assert await pod.pod.worker.drain() == 1
    assert await ledger(conn, given["paymentId"]) == [("charge", 5, "USD", 5)]


async def test_what_a_pod_was_asking_about_when_it_stopped_is_free_at_once(dsn, sandbox, conn, monkeypatch):
    await sandbox.fault("timeout_before", provider="nowpayments", path="/payment/", seconds=30, times=1)
    async with running_pod(dsn, **sandbox.settings, background=False) as pod:
        given = await give(pod, amount=25, currency="BTC")
        payment = await sandbox.coins(given["url"])
        await conn.execute("UPDATE provider_events SET processed_at = now()")
        await sandbox.change("payments", payment, payment_status="finished", actually_paid=0.00025773)
        await send_hint(pod, payment_id=int(payment), payment_status="finished")
        work = asyncio.create_task(pod.pod.worker.run())
        await until(lambda: conn.fetchval(CLAIMED, "nowpayments"))
        await stopped(work, monkeypatch)
        assert await conn.fetchval(f"{FREE} WHERE processed_at IS NULL") is True
        await sandbox.ask("DELETE", "/_sandbox/switches")
        assert await pod.pod.worker.drain() == 1
    await becomes(conn, given["paymentId"], "completed")


async def test_a_group_that_is_being_written_when_its_pod_stops_is_free_at_once(dsn, sandbox, conn, monkeypatch):
    """A lock on one of the payments holds it."""
    async with running_pod(dsn, **sandbox.settings, background=False) as pod:
        given = [await give(pod, amount=5) for _ in range(3)]
        for each in given:
            await paid(pod, conn, each)
        async with conn.transaction():
            await conn.execute("SELECT FROM payments WHERE id = $1::uuid FOR UPDATE", given[1]["paymentId"])
            work = asyncio.create_task(pod.pod.worker.run())
            await until_waiting(conn)
            await stopped(work, monkeypatch)
        assert [row[0] for row in await conn.fetch(FREE)] == [True, True, True]
        assert await pod.pod.worker.drain() == 3
    for each in given:
        assert await ledger(conn, each["paymentId"]) == [("charge", 5, "USD", 5)]


async def test_an_event_that_can_be_begun_at_once_is_leased_by_the_statement_that_stores_it(
    dsn, sandbox, conn, monkeypatch
):
    """Also after many repeats, for each of which room was kept in vain, and after a write that failed."""
    claims = []
    claim = store.claim

    async def counted(conn, limit, source, **more):
        found = await claim(conn, limit, source, **more)
        claims.extend(found)
        return found

    monkeypatch.setattr(store, "claim", counted)
    async with running_pod(dsn, **sandbox.settings) as pod:
        lanes = pod.pod.worker
        given = [await give(pod, amount=5) for _ in range(2)]
        for _ in range(40):
            await paid(pod, conn, given[0])
        await becomes(conn, given[0]["paymentId"], "completed")

        async def fails(*_):
            raise DatabaseUnavailableError("it is away")

        storing = store.store_and_lease
        monkeypatch.setattr(store, "store_and_lease", fails)
        for _ in range(3):
            with pytest.raises(DatabaseUnavailableError):
                await pod.pod.inbox.put(InboundEvent(source="stripe", event_id="evt_lost", type="x", body=b"{}"))
        monkeypatch.setattr(store, "store_and_lease", storing)
        await paid(pod, conn, given[1])
        await becomes(conn, given[1]["paymentId"], "completed")
        await all_processed(conn, at_least=2)
        assert lanes.reserve([]).leased == []
    assert claims == []
    assert await conn.fetch("SELECT attempts FROM provider_events") == [(1,), (1,)]


async def test_idle_lanes_share_one_look_for_due_events(dsn, sandbox, conn, monkeypatch):
    """A lane claims when it starts, and then only when an event of its own is due."""
    looks: asyncio.Queue[list[tuple[str, bool]]] = asyncio.Queue()
    claims: list[tuple[str, bool]] = []
    due, claim = store.due, store.claim

    async def looked(conn):
        found = await due(conn)
        looks.put_nowait(found)
        return found

    async def counted(conn, limit, source, *, must_ask):
        claims.append((source, must_ask))
        return await claim(conn, limit, source, must_ask=must_ask)

    monkeypatch.setattr(store, "due", looked)
    monkeypatch.setattr(store, "claim", counted)
    async with running_pod(dsn, **sandbox.settings) as pod:
        lanes = [(source, must_ask) for source in pod.pod.worker.handlers.sources for must_ask in (False, True)]
        async with asyncio.timeout(PROGRESS):
            while len(claims) < len(lanes):
                await looks.get()
            for _ in range(3):
                assert await looks.get() == []
        assert sorted(claims) == sorted(lanes)
        event = InboundEvent(source="stripe", event_id="evt_of_another_pod", type="x", body=b"{}")
        await store.store(conn, [event])
        await all_processed(conn)
    assert set(claims[len(lanes) :]) == {("stripe", False)}


async def test_room_is_kept_only_where_nothing_else_is_due():
    nothing: Any = None
    lane = Lane(nothing, nothing, nothing, places=2, batch=16)
    assert lane.reserve(1) == 0, "it does not run"
    lane._idle = True
    assert [lane.reserve(20), lane.reserve(1)] == [20, 0]
    lane.begin_reserved(20, ())
    lane.wake()
    assert lane.reserve(1) == 0, "something else is due"
