"""Other traffic of the same accounts: ignored whatever it looks like, and none of it waits or is kept for ever."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from hingecraft.donations.links import manual_links
from hingecraft.inbox import store as inbox
from hingecraft.inbox import watch as watching
from hingecraft.providers.stripe.reading import EVENT_TYPES
from support.money import all_processed, give, send_hint, send_stripe, stripe_event
from support.pods import running_pod
from support.provider_records import coin_payments
from support.reconciling import reconcile

pytestmark = pytest.mark.usefixtures("few_links")

SESSION = {
    "id": "cs_test_other", "object": "checkout.session", "livemode": False, "mode": "payment", "currency": "bgn",
    "amount_subtotal": 1000, "amount_total": 1000, "status": "complete", "payment_status": "paid",
    "payment_intent": "pi_other", "payment_link": None, "client_reference_id": "shop-1", "metadata": {},
}  # fmt: skip
INTENT = {"id": "pi_other", "object": "payment_intent", "livemode": False, "currency": "bgn", "amount_received": 1000}
REFUND = {"id": "re_other", "object": "refund", "amount": 1000, "currency": "bgn", "payment_intent": "pi_other",
          "status": "succeeded"}  # fmt: skip
ELSEWHERE = {"payment_id": str(uuid.uuid4()), "installation": str(uuid.uuid4())}
FOREIGN = {
    "no reference": ("checkout.session.completed", SESSION),
    "an intent": ("payment_intent.succeeded", INTENT),
    "of another installation": (
        "checkout.session.completed",
        {**SESSION, "client_reference_id": ELSEWHERE["payment_id"], "metadata": ELSEWHERE},
    ),
    "an intent of another installation": ("payment_intent.succeeded", {**INTENT, "metadata": ELSEWHERE}),
    "a refund": ("refund.created", REFUND),
    "a dispute": ("charge.dispute.created", {**REFUND, "object": "dispute", "id": "du_1", "status": "needs_response"}),
    "no amount at all": ("checkout.session.completed", {**SESSION, "currency": None, "amount_total": None}),
}


@pytest.mark.parametrize("what", FOREIGN)
async def test_what_is_not_ours_is_ignored_whatever_currency_it_is_in(pod, conn, what):
    """The owner is checked before the money is read: nobody adds a currency for another installation's payment."""
    assert (await send_stripe(pod, stripe_event(*FOREIGN[what])))[0] == 200
    await all_processed(conn)
    assert await conn.fetchval("SELECT ignored_because FROM provider_events") is not None
    assert await conn.fetchval("SELECT count(*) FROM payments") == 0


async def test_what_is_ours_in_a_currency_that_is_missing_waits_until_it_is_added(dsn, sandbox, conn):
    async with running_pod(dsn, **sandbox.settings, background=False) as pod:
        given = await give(pod, amount=5)
        mine = {**SESSION, "client_reference_id": given["paymentId"], "metadata": {"payment_id": given["paymentId"]}}
        assert (await send_stripe(pod, stripe_event("checkout.session.completed", mine)))[0] == 200
        assert await pod.pod.worker.drain() == 1
    error = await conn.fetchval("SELECT error FROM provider_events WHERE processed_at IS NULL")
    assert error == "BGN is not in the table currencies. Add it."


async def test_the_coin_payment_of_another_shop_is_ignored_though_its_order_is_a_uuid(pod, sandbox, conn):
    headers = {"x-api-key": "sandbox-key"}
    order = {"price_amount": 10, "price_currency": "usd", "pay_currency": "btc", "order_id": str(uuid.uuid4()),
             "order_description": "Two mugs"}  # fmt: skip
    made = await sandbox.ask("POST", "/nowpayments/v1/invoice", headers=headers, json=order)
    await sandbox.coins(made["invoice_url"], "pay")
    (payment,) = [each for each in await coin_payments(sandbox) if each["order_id"] == order["order_id"]]
    await send_hint(pod, payment_id=payment["payment_id"], payment_status="finished")
    await all_processed(conn)
    why = await conn.fetchval("SELECT ignored_because FROM provider_events")
    assert why == f"its link {made['id']} is not saved here"


@pytest.mark.parametrize("source", ["stripe", "nowpayments", "wix"])
async def test_what_could_not_be_processed_in_thirty_days_is_given_up_with_an_alert(
    dsn, conn, caplog, monkeypatch, source
):
    """Of every source, also of one whose keys are gone; the audit log keeps what it was."""
    await conn.execute(
        "INSERT INTO provider_events (source, event_id, type, body, received_at, next_attempt_at, error) "
        "SELECT $1, id, 'x', '{}', now() - age * interval '1 day', now() - interval '2 hours', error "
        "FROM (VALUES ('evt_old', 31, 'the payment is not known yet'), ('evt_young', 29, NULL)) AS e (id, age, error)",
        source,
    )
    monkeypatch.setattr(watching, "_EVERY", 0.05)
    async with running_pod(dsn, stripe_secret="", nowpayments_api_key="") as pod:
        while not any("gave up" in record.message and "evt_old" in record.message for record in caplog.records):
            await asyncio.sleep(0.02)
        assert pod.pod.ready
    rows = await conn.fetch("SELECT event_id, ignored_because FROM provider_events ORDER BY event_id")
    assert [tuple(row) for row in rows] == [("evt_old", "given up: the payment is not known yet"), ("evt_young", None)]
    row = await conn.fetchrow("SELECT actor, request_id FROM payment_audit WHERE action = 'event_given_up'")
    assert tuple(row) == (source, "evt_old")


async def test_an_old_event_that_is_opened_again_is_tried_before_it_is_given_up(conn, database):
    """A link was saved two months after its money came: each pod gives up what is old every 15 seconds."""
    await conn.execute(
        "INSERT INTO provider_events (source, event_id, type, body, must_ask, received_at, next_attempt_at, "
        "processed_at, attempts, ignored_because) SELECT 'nowpayments', '1:finished', 'finished', "
        "'{\"payment_id\": 1}', true, past, past, past, 3, 'its link 4522625843 is not saved here' "
        "FROM (SELECT now() - interval '60 days' AS past) of"
    )
    await conn.execute(
        "INSERT INTO external_payments (gateway, currency, provider_url) "
        "VALUES ('nowpayments', 'btc', 'https://nowpayments.io/payment/?iid=4522625843')"
    )
    assert await manual_links.take_over(database) == 1
    assert await inbox.give_up(conn) == []
    await conn.execute("UPDATE provider_events SET attempts = 1, next_attempt_at = now() + interval '5 seconds'")
    assert await inbox.give_up(conn) == []
    await conn.execute("UPDATE provider_events SET attempts = 20, next_attempt_at = now() + interval '1 hour'")
    assert len(await inbox.give_up(conn)) == 1


async def test_reconciliation_reads_only_the_events_that_concern_us(pod, sandbox, conn, dsn):
    await sandbox.tells(pod.public, enabled=False)
    given = await give(pod, amount=5)
    (session,) = await sandbox.sessions(given["paymentId"])
    await sandbox.act(session["id"], "pay")
    events = (await sandbox.stripe("events?limit=100"))["data"]
    stranger = next(event for event in events if event["type"] == "payment_intent.succeeded")
    await sandbox.change("events", stranger["id"], type="customer.updated")
    await reconcile(dsn, sandbox.settings, providers=("stripe",))
    assert await conn.fetchval("SELECT count(*) FROM provider_events WHERE type = 'customer.updated'") == 0
    assert await conn.fetchval("SELECT count(*) FROM provider_events") > 0


def test_no_type_is_listed_twice():
    assert len(set(EVENT_TYPES)) == len(EVENT_TYPES)
