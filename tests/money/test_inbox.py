"""The inbox: each event is stored once, processed by any pod, visible while it waits, given up when it is old."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import UTC

import asyncpg
import pytest

from hingecraft.db.connection import Database
from hingecraft.idempotency import service as idempotency
from hingecraft.inbox import store
from hingecraft.inbox import watch as watching
from hingecraft.inbox.model import BACKOFF
from hingecraft_api.features.operations import OPERATIONS
from support.money import all_processed, becomes, give, send_stripe, status_of, stripe_event
from support.pods import running_pod
from support.reconciling import reconcile

NOBODYS = {"id": "ch_1", "object": "charge"}
AN_HOUR_LATER = "UPDATE provider_events SET received_at = received_at - interval '61 min', next_attempt_at = now()"
WAITING, OLDEST = "hingecraft_provider_events_waiting", "hingecraft_provider_events_oldest_seconds"
UNKNOWN = "3f2b8a52-6a80-4f3e-9c8e-0a8f6a4c8a11"


def unpaid(payment):
    """An event of a payment that nobody has heard of."""
    intent = {
        "id": "pi_1", "object": "payment_intent", "livemode": False, "currency": "usd", "amount_received": 500,
        "metadata": {"payment_id": payment}, "last_payment_error": {"code": "card_declined"},
    }  # fmt: skip
    return stripe_event("payment_intent.payment_failed", intent)


@pytest.mark.usefixtures("patient")
async def test_two_pods_share_the_work_and_each_event_is_worked_on_once(dsn, sandbox, conn):
    async with running_pod(dsn, **sandbox.settings) as first, running_pod(dsn, **sandbox.settings) as second:
        bodies = [stripe_event("charge.succeeded", NOBODYS, number=number) for number in range(200)]
        pods = (first, second)
        answers = await asyncio.gather(
            *(send_stripe(pods[number % 2], body) for number, body in enumerate([*bodies, *bodies]))
        )
        assert {status for status, _ in answers} == {200}
        await all_processed(conn, at_least=200)
    assert await conn.fetchval("SELECT count(*) FROM provider_events") == 200
    assert await conn.fetchval("SELECT count(*) FROM payment_audit WHERE action = 'event_ignored'") == 200


async def test_what_cannot_be_processed_is_seen_counted_and_logged_after_an_hour(pod, conn, caplog, monkeypatch):
    assert (await send_stripe(pod, unpaid(UNKNOWN)))[0] == 200
    while not await conn.fetchval("SELECT error FROM provider_events"):
        await asyncio.sleep(0.05)
    row = await conn.fetchrow("SELECT processed, error_message, event_data FROM stripe_events_raw")
    assert (row["processed"], row["error_message"]) == (False, f"payment {UNKNOWN} is not known yet")
    assert json.loads(row["event_data"])["type"] == "payment_intent.payment_failed"
    assert [await pod.metric(name) for name in (WAITING, OLDEST)] == [0, 0]
    await conn.execute(AN_HOUR_LATER)
    monkeypatch.setattr(watching, "_EVERY", 0.05)
    looking = asyncio.ensure_future(OPERATIONS.works(pod.pod)["watching the inbox"]())
    with caplog.at_level(logging.ERROR):
        await pod.shows(WAITING, 1)
        while not any("more than an hour" in record.message for record in caplog.records):
            await asyncio.sleep(0.05)
    assert await pod.metric(OLDEST) > 3600
    await conn.execute("UPDATE provider_events SET processed_at = now()")
    for name in (WAITING, OLDEST):
        await pod.shows(name, 0)
    looking.cancel()
    assert any("events are waiting in the inbox" in record.message for record in caplog.records)


def test_an_event_waits_longer_and_longer():
    pauses = [BACKOFF.after(attempts).total_seconds() for attempts in range(1, 20)]
    assert pauses[0] < 7
    assert 2800 < pauses[-1] < 4400


async def test_a_body_that_jsonb_cannot_hold_hides_no_other(pod, conn):
    assert (await send_stripe(pod, stripe_event("charge.succeeded", {**NOBODYS, "x": "\x00"})))[0] == 200
    assert (await send_stripe(pod, stripe_event("charge.succeeded", NOBODYS)))[0] == 200
    await all_processed(conn, at_least=2)
    rows = await conn.fetch("SELECT event_data IS NULL AS unreadable FROM stripe_events_raw ORDER BY 1")
    assert [row["unreadable"] for row in rows] == [False, True]


async def test_a_process_that_dies_while_it_works_leaves_the_event_to_others(dsn, sandbox, conn):
    async with running_pod(dsn, **sandbox.settings, background=False) as pod:
        given = await give(pod, amount=5)
        (session,) = await sandbox.sessions(given["paymentId"])
        body = stripe_event("checkout.session.completed", {**session, "status": "complete", "payment_status": "paid",
                                                           "payment_intent": "pi_9"})  # fmt: skip
        assert (await send_stripe(pod, body))[0] == 200
        claimed = await store.claim(conn, 16, "stripe", must_ask=False)
        assert len(claimed) == 1
        assert await pod.pod.worker.drain() == 0, "it is claimed"
        await conn.execute("UPDATE provider_events SET claimed_until = now(), next_attempt_at = now()")
        assert await pod.pod.worker.drain() == 1
        assert await status_of(conn, given["paymentId"]) == "completed"
        # The first is back, and finds its claim lost: nothing is written twice.
        await pod.pod.worker._applier.apply(claimed)
    assert await conn.fetchval("SELECT count(*) FROM settlements") == 1
    assert await conn.fetchval("SELECT count(*) FROM payment_audit WHERE action = 'event_applied'") == 1


AGED = """
SELECT hc_keep_partitions('provider_events', 0);
CREATE TABLE provider_events_2020_01 PARTITION OF provider_events
FOR VALUES FROM ('2020-01-01 00:00+00') TO ('2020-02-01 00:00+00');
CREATE TABLE provider_events_2020_02 PARTITION OF provider_events
FOR VALUES FROM ('2020-02-01 00:00+00') TO ('2020-03-01 00:00+00');
INSERT INTO provider_event_ids (source, event_id, received_at)
VALUES ('stripe', 'evt_done', '2020-01-02'), ('stripe', 'evt_waiting', '2020-02-02'),
('stripe', 'evt_odd', '2019-01-02');
INSERT INTO provider_events (source, event_id, type, body, received_at, processed_at) VALUES
('stripe', 'evt_done', 'x', '{}', '2020-01-02', '2020-01-02'), ('stripe', 'evt_waiting', 'x', '{}', '2020-02-02', NULL),
('stripe', 'evt_odd', 'x', '{}', '2019-01-02', '2019-01-02');
INSERT INTO "ContributionIntent" ("_id", user_info, "_createdDate")
VALUES ('old', '{"email": "a@example.com"}', '2020-01-02'), ('new', '{"email": "a@example.com"}', now());
INSERT INTO payments (id, status) VALUES ('3f2b8a52-6a80-4f3e-9c8e-0a8f6a4c8a11', 'expired');
INSERT INTO external_payments (payment_id, gateway, provider, kind, status, request, idempotency_key, created_at)
VALUES ('3f2b8a52-6a80-4f3e-9c8e-0a8f6a4c8a11', 'stripe', 'stripe', 'single', 'expired',
        '{"mode": "payment", "customer_email": "a@example.com"}', 'k', '2020-01-02');
"""  # fmt: skip


async def forgotten(conn, days=400):
    """How much went in each call, until nothing was left."""
    shares = []
    while share := await conn.fetchval("SELECT hc_forget($1)", days):
        shares.append(share)
    return shares


async def test_what_is_old_goes_and_what_is_still_to_be_done_stays(conn):
    await conn.execute(AGED)
    assert await forgotten(conn)
    left = await conn.fetch("SELECT event_id FROM provider_events ORDER BY 1")
    assert [row["event_id"] for row in left] == ["evt_waiting"]
    assert [row["event_id"] for row in await conn.fetch("SELECT event_id FROM provider_event_ids")] == ["evt_waiting"]
    assert await conn.fetchval("SELECT to_regclass('provider_events_2020_01')") is None
    kept = await conn.fetch('SELECT "_id" FROM "ContributionIntent" WHERE user_info IS NOT NULL')
    assert [row["_id"] for row in kept] == ["new"]
    assert json.loads(await conn.fetchval("SELECT request FROM external_payments")) == {"mode": "payment"}


async def test_one_event_that_waits_keeps_nobody_elses_body(conn):
    await conn.execute(AGED)
    await conn.execute(
        "INSERT INTO provider_events (source, event_id, type, body, received_at, processed_at) "
        "SELECT 'stripe', 'evt_' || n, 'x', 'a@example.com', '2020-02-03', now() FROM generate_series(1, 50) n"
    )
    await forgotten(conn)
    left = await conn.fetch("SELECT event_id FROM provider_events")
    assert [row["event_id"] for row in left] == ["evt_waiting"]


MUCH = """
INSERT INTO provider_event_ids (source, event_id, received_at)
SELECT 'stripe', 'evt_' || n, now() - interval '40 days' FROM generate_series(1, 12000) n;
INSERT INTO "ContributionIntent" ("_id", "_createdDate", user_info)
SELECT 'p' || n, now() - interval '40 days', '{}' FROM generate_series(1, 6000) n;
"""


async def test_a_lowered_retention_is_reached_share_by_share_and_may_be_broken_off_between_any_two(conn):
    """One statement for everything would run into the client's 5 s each time, and undo itself."""
    await conn.execute(MUCH)
    transaction = conn.transaction()
    await transaction.start()
    assert await conn.fetchval("SELECT hc_forget(30)") == 5000
    await transaction.rollback()
    assert await conn.fetchval("SELECT count(*) FROM provider_event_ids") == 12_000, "what was killed is undone"
    assert await conn.fetchval("SELECT hc_forget(30)") == 5000
    assert await conn.fetchval("SELECT count(*) FROM provider_event_ids") == 7000, "what was done is kept"
    assert await forgotten(conn, 30) == [5000, 5000, 3000]


async def test_one_run_of_the_reconciliation_reaches_all_of_it(conn, dsn):
    await conn.execute(MUCH.replace("40 days", "500 days"))
    await reconcile(dsn, {})
    assert await conn.fetchval("SELECT count(*) FROM provider_event_ids") == 0


PREFILLS = """
INSERT INTO "ContributionIntent" ("_id", amount_entered, expires_at)
VALUES ('unused', 5, now() - interval '8 days'), ('given', 5, now() - interval '8 days'),
       ('recent', 5, now() - interval '6 days'), ('of the old software', 5, NULL);
INSERT INTO payments (id, status, intent_id) VALUES ('3f2b8a52-6a80-4f3e-9c8e-0a8f6a4c8a11', 'pending', 'given');
"""


async def test_a_prefill_that_nobody_gave_through_goes_after_a_week(conn):
    await conn.execute(PREFILLS)
    await forgotten(conn)
    left = await conn.fetch('SELECT "_id" AS id FROM "ContributionIntent" ORDER BY 1')
    assert [row["id"] for row in left] == ["given", "of the old software", "recent"]


async def test_a_prefill_that_somebody_gives_through_just_now_stays(conn, dsn):
    await conn.execute(PREFILLS)
    other = await asyncpg.connect(dsn.newest)
    async with other.transaction():
        await other.execute("INSERT INTO payments (status, intent_id) VALUES ('pending', 'unused')")
        await forgotten(conn)
    await other.close()
    assert await conn.fetchval('SELECT count(*) FROM "ContributionIntent" WHERE "_id" = \'unused\'') == 1


async def test_all_keys_whose_day_is_over_go_at_once_however_many_there_are(conn, dsn):
    await conn.execute(
        "INSERT INTO idempotency_keys (scope, key, fingerprint, claimed_until, created_at) "
        "SELECT 'POST /x', 'a-key-of-this-test-' || n, 'x', now(), "
        "       now() - CASE WHEN n = 1 THEN interval '1 h' ELSE interval '25 h' END FROM generate_series(1, 11000) n"
    )
    database = Database(dsn, application="test")
    await idempotency.purge(database)
    await database.close()
    assert await conn.fetchval("SELECT count(*) FROM idempotency_keys") == 1


async def test_each_month_has_its_partition(conn):
    await conn.execute("INSERT INTO provider_events (source, event_id, type, body) VALUES ('stripe', 'e', 'x', '{}')")
    row = await conn.fetchrow("SELECT tableoid::regclass::text AS partition, received_at FROM provider_events")
    assert row["partition"] == f"provider_events_{row['received_at'].astimezone(UTC):%Y_%m}"


@pytest.mark.parametrize("status", [403, 500])
async def test_a_provider_that_cannot_be_asked_is_asked_again_later(pod, sandbox, conn, status):
    given = await give(pod, amount="12.50", currency="EUR")
    (session,) = await sandbox.sessions(given["paymentId"])
    # Whatever is asked: each of the three events has a way of its own to the same session.
    await sandbox.fault("status_before", status=status, method="GET", path="/v1/", times=999)
    await sandbox.act(session["id"], "pay")
    while not await conn.fetchval("SELECT count(error) FROM provider_events WHERE error LIKE 'Stripe answered%'"):
        await asyncio.sleep(0.1)
    assert await status_of(conn, given["paymentId"]) == "pending"
    await sandbox.ask("DELETE", "/_sandbox/switches")
    await all_processed(conn, at_least=3)
    await becomes(conn, given["paymentId"], "completed")
