"""Stripe's events become settlements, each once, in any order."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from support.limits import PROGRESS
from support.money import (
    all_processed,
    becomes,
    completes,
    give,
    ledger,
    send_stripe,
    status_of,
    stripe_event,
)
from support.pods import ADMIN


async def session_of(sandbox, payment):
    (session,) = await sandbox.sessions(payment)
    return session


EVENT = 'hingecraft_provider_events_total{{result="{}",source="stripe",type="{}"}}'
COMPLETED, PAID = (EVENT.format("applied", kind) for kind in ("checkout.session.completed", "payment_intent.succeeded"))
IGNORED = EVENT.format("ignored", "charge.succeeded")
OPENED = 'hingecraft_provider_seconds_count{outcome="opened",provider="stripe"}'


async def test_a_card_payment_completes(pod, sandbox, conn):
    assert [await pod.metric(name) for name in (OPENED, COMPLETED, PAID, IGNORED)] == [None] * 4
    payment = await completes(pod, sandbox, conn, amount=5)
    await all_processed(conn, at_least=3)
    assert await ledger(conn, payment) == [("charge", 5, "USD", 5)]
    assert (
        await conn.fetchval("SELECT status FROM external_payments WHERE payment_id = $1::uuid", payment) == "completed"
    )
    _, answer = await pod.call("GET", "/charter/total")
    assert (answer["data"]["total"], answer["data"]["count"]) == (5, 1)
    assert await conn.fetchval("SELECT count(*) FROM stripe_events_raw WHERE processed") == 3
    await pod.shows('hingecraft_payments_total{currency="USD",provider="stripe",status="completed"}', 1)
    await pod.shows('hingecraft_payment_amount_total{currency="USD",provider="stripe"}', 5)
    ignored = await conn.fetch("SELECT type, ignored_because FROM provider_events WHERE ignored_because IS NOT NULL")
    assert [tuple(row) for row in ignored] == [("charge.succeeded", "nothing here takes charge.succeeded")]
    for name, value in ((OPENED, 1), (COMPLETED, 1), (PAID, 1), (IGNORED, 1)):
        await pod.shows(name, value)


@pytest.mark.parametrize(
    ("currency", "amount", "worth"),
    [("EUR", "37.50", "40.87"), ("JPY", "1000", "6.60"), ("KWD", "2.50", "8.12"), ("SEK", "100", None)],
)
async def test_other_currencies_are_worth_what_arrived_in_dollars(pod, sandbox, conn, currency, amount, worth):
    payment = await completes(pod, sandbox, conn, amount=amount, currency=currency)
    await all_processed(conn)
    usd = Decimal(worth) if worth else None
    assert await ledger(conn, payment) == [("charge", Decimal(amount), currency, usd)]
    _, answer = await pod.call("GET", "/charter/total")
    unconverted = answer["data"]["unconverted"]
    assert bool(unconverted) == (worth is None)


async def test_a_rate_that_somebody_noted_is_used(pod, sandbox, conn):
    await conn.execute("INSERT INTO fx_rates VALUES ('SEK', (now() AT TIME ZONE 'UTC')::date, 0.1)")
    payment = await completes(pod, sandbox, conn, amount=100, currency="SEK")
    assert await ledger(conn, payment) == [("charge", 100, "SEK", 10)]


async def test_a_declined_card_only_adds_to_the_audit_log(pod, sandbox, conn):
    given = await give(pod, amount=5)
    session = await session_of(sandbox, given["paymentId"])
    await sandbox.act(session["id"], "fail")
    await all_processed(conn)
    assert await status_of(conn, given["paymentId"]) == "pending"
    await sandbox.act(session["id"], "pay")
    await becomes(conn, given["paymentId"], "completed")
    _, answer = await pod.call("GET", f"/admin/payments/{given['paymentId']}", headers=ADMIN)
    told = [entry["details"].get("toldBy") for entry in answer["data"]["trail"]]
    assert "payment_intent.payment_failed" in told


@pytest.mark.parametrize(("acts", "status"), [(["expire"], "expired"), (["pay_later", "bounce"], "failed")])
async def test_what_is_not_paid_ends_so_and_the_site_is_told(pod, sandbox, conn, acts, status):
    await conn.execute(
        "INSERT INTO webhook_endpoints (name, url, events) VALUES ('site', 'http://127.0.0.1:9', '{payment.failed}')"
    )
    given = await give(pod, amount=5)
    session = await session_of(sandbox, given["paymentId"])
    for act in acts:
        await sandbox.act(session["id"], act)
    await becomes(conn, given["paymentId"], status)
    assert await ledger(conn, given["paymentId"]) == []
    (row,) = await conn.fetch("SELECT type, data ->> 'paymentId' AS payment, data ->> 'status' AS status FROM outbox")
    assert tuple(row) == ("payment.failed", given["paymentId"], status)


async def test_a_transfer_that_arrives_later_completes_later(pod, sandbox, conn):
    given = await give(pod, amount=5)
    session = await session_of(sandbox, given["paymentId"])
    await sandbox.act(session["id"], "pay_later")
    await all_processed(conn)
    assert await status_of(conn, given["paymentId"]) == "pending"
    await sandbox.act(session["id"], "arrive")
    await becomes(conn, given["paymentId"], "completed")
    await all_processed(conn, at_least=4)
    assert await ledger(conn, given["paymentId"]) == [("charge", 5, "USD", 5)]


async def test_refunds_in_parts_one_of_which_fails(pod, sandbox, conn):
    payment = await completes(pod, sandbox, conn, amount="37.50", currency="EUR")
    session = await session_of(sandbox, payment)
    await sandbox.act(session["id"], "refund_half")
    await becomes(conn, payment, "partially_refunded")
    await sandbox.act(session["id"], "refund")
    await becomes(conn, payment, "refunded")
    assert await conn.fetchval("SELECT sum(amount) FROM settlements") == 0
    assert await conn.fetchval("SELECT sum(usd_amount) FROM settlements") == 0
    refunds = (await sandbox.stripe("refunds"))["data"]
    intent = (await session_of(sandbox, payment))["payment_intent"]
    mine = [refund for refund in refunds if refund["payment_intent"] == intent]
    await sandbox.ask("POST", f"/pay/stripe/refund/{mine[0]['id']}/fail", allow_redirects=False)
    await becomes(conn, payment, "partially_refunded")
    await sandbox.ask("POST", f"/pay/stripe/refund/{mine[1]['id']}/fail", allow_redirects=False)
    await becomes(conn, payment, "completed")
    await all_processed(conn)
    assert await conn.fetchval("SELECT sum(amount) FROM settlements") == Decimal("37.50")
    assert await conn.fetchval("SELECT sum(usd_amount) FROM settlements") == Decimal("40.87")
    kinds = await conn.fetch("SELECT kind, count(*) AS n FROM settlements GROUP BY kind ORDER BY kind")
    assert [tuple(row) for row in kinds] == [("charge", 1), ("refund", 2), ("refund_reversal", 2)]


@pytest.mark.parametrize(("end", "status", "left"), [("won", "completed", 5), ("lost", "disputed", 0)])
async def test_disputes(pod, sandbox, conn, end, status, left):
    payment = await completes(pod, sandbox, conn, amount=5)
    session = await session_of(sandbox, payment)
    await sandbox.act(session["id"], "dispute")
    await becomes(conn, payment, "disputed")
    dispute = (await sandbox.stripe("disputes"))["data"][0]
    await sandbox.ask("POST", f"/pay/stripe/dispute/{dispute['id']}/{end}", allow_redirects=False)
    await all_processed(conn, at_least=5)
    await becomes(conn, payment, status)
    assert await conn.fetchval("SELECT sum(amount) FROM settlements") == left


async def test_everything_twice_shuffled_and_late_counts_once(pod, sandbox, conn):
    await sandbox.tells(pod.public, times=3, shuffled=True)
    payments = [(await give(pod, amount=amount))["paymentId"] for amount in (1, 2, 5)]
    for payment in payments:
        session = await session_of(sandbox, payment)
        await sandbox.act(session["id"], "pay")
        await sandbox.act(session["id"], "refund_half")
    for payment in payments:
        await becomes(conn, payment, "partially_refunded")
    await all_processed(conn)
    kinds = await conn.fetch("SELECT kind, sum(amount) AS total FROM settlements GROUP BY kind ORDER BY kind")
    assert [tuple(row) for row in kinds] == [("charge", 8), ("refund", -4)]


async def test_what_comes_through_a_standing_link_makes_payment_and_settlement_once(pod, sandbox, conn):
    link, key = await make_link(sandbox)
    await conn.execute(
        "INSERT INTO external_payments (gateway, provider, provider_id, provider_url, currency, kind, status) "
        "VALUES ('stripe', 'stripe', $1, 'https://buy.stripe.com/x', 'EUR', 'standing', 'pending')", link,
    )  # fmt: skip
    for amount in ("10", "25.5"):
        page = await sandbox.ask("POST", f"/pay/stripe/l/{key}/begin", data={"amount": amount})
        await sandbox.act(page.split("/pay/stripe/c/")[1].split("/")[0], "pay")
    async with asyncio.timeout(PROGRESS):
        while await conn.fetchval("SELECT count(*) FROM payments WHERE status = 'completed'") < 2:
            await all_processed(conn)
    rows = await conn.fetch("SELECT amount, currency, status, source FROM payments ORDER BY amount")
    assert [tuple(row) for row in rows] == [
        (10, "EUR", "completed", "standing_link"), (Decimal("25.5"), "EUR", "completed", "standing_link"),
    ]  # fmt: skip
    assert await conn.fetchval("SELECT count(*) FROM settlements") == 2


async def make_link(sandbox):
    key = {"Authorization": "Bearer sk_test_sandbox"}
    price = await sandbox.ask(
        "POST", "/v1/prices", headers=key,
        data={"currency": "eur", "custom_unit_amount[enabled]": "true", "custom_unit_amount[minimum]": "100",
              "custom_unit_amount[maximum]": "100000", "product_data[name]": "x"},
    )  # fmt: skip
    link = await sandbox.ask(
        "POST", "/v1/payment_links", headers=key,
        data={"line_items[0][price]": price["id"], "line_items[0][quantity]": "1", "metadata[hingecraft_link]": "k",
              "payment_intent_data[metadata][hingecraft_link]": "k"},
    )  # fmt: skip
    return link["id"], link["url"].rsplit("/", 1)[1]


def session(payment, **more):
    return {
        "id": "cs_test_forged", "object": "checkout.session", "mode": "payment", "livemode": False, "currency": "usd",
        "amount_total": 500, "amount_subtotal": 500, "status": "complete", "payment_status": "paid",
        "payment_intent": "pi_x", "payment_link": None, "client_reference_id": payment,
        "metadata": {"payment_id": payment}, **more,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"client_reference_id": None, "metadata": {}}, "neither our reference nor our link"),
        ({"client_reference_id": "somebody-else"}, "neither our reference nor our link"),
        ({"mode": "setup"}, "a subscription or a setup"),
        ({"mode": "subscription", "client_reference_id": None, "metadata": {}}, "a subscription or a setup"),
    ],
)
async def test_other_traffic_of_the_account_is_ignored_and_says_why(pod, sandbox, conn, change, why):
    given = await give(pod, amount=5)
    body = stripe_event("checkout.session.expired", session(given["paymentId"], status="expired", **change))
    assert (await send_stripe(pod, body))[0] == 200
    await all_processed(conn)
    assert why in await conn.fetchval("SELECT ignored_because FROM provider_events")
    assert await status_of(conn, given["paymentId"]) == "pending"


@pytest.mark.parametrize(
    ("change", "mismatch"),
    [
        ({"amount_subtotal": 400, "amount_total": 400}, "amount"),
        ({"currency": "eur"}, "currency"),
        ({"livemode": True}, "mode"),
    ],
)
async def test_a_mismatch_is_an_error_with_the_money_written_down(pod, sandbox, conn, change, mismatch):
    given = await give(pod, amount=5)
    real = (await session_of(sandbox, given["paymentId"]))["id"]
    await sandbox.change("sessions", real, **change)
    await sandbox.act(real, "pay")
    await becomes(conn, given["paymentId"], "error")
    await all_processed(conn)
    assert len(await ledger(conn, given["paymentId"])) == 1
    found = await conn.fetch("SELECT details ->> 'mismatch' AS it FROM payment_audit WHERE details ? 'mismatch'")
    assert {row["it"] for row in found} == {mismatch}
    _, answer = await pod.call("GET", "/charter/total")
    assert answer["data"]["count"] == (0 if mismatch == "mode" else 1)


async def test_a_discount_is_not_a_mismatch(pod, sandbox, conn):
    given = await give(pod, amount=5)
    real = (await session_of(sandbox, given["paymentId"]))["id"]
    body = stripe_event("checkout.session.completed", session(given["paymentId"], id=real, amount_total=450))
    await send_stripe(pod, body)
    await becomes(conn, given["paymentId"], "completed")
    assert await ledger(conn, given["paymentId"]) == [("charge", Decimal("4.5"), "USD", Decimal("4.5"))]


async def test_an_event_before_its_payment_waits_for_it(pod, sandbox, conn):
    early = "3f2b8a52-6a80-4f3e-9c8e-0a8f6a4c8a11"
    await send_stripe(pod, stripe_event("checkout.session.completed", session(early)))
    async with asyncio.timeout(PROGRESS):
        while not await conn.fetchval("SELECT error FROM provider_events"):
            await asyncio.sleep(0.05)
    assert "is not known yet" in await conn.fetchval("SELECT error_message FROM stripe_events_raw WHERE NOT processed")
    await conn.execute(
        "INSERT INTO payments (id, amount, currency, price_currency, status, provider, livemode) "
        "VALUES ($1::uuid, 5, 'USD', 'USD', 'creating', 'stripe', false)", early,
    )  # fmt: skip
    await all_processed(conn)
    assert await status_of(conn, early) == "completed"


async def test_a_gift_that_a_discount_has_made_free_completes_without_a_settlement(pod, sandbox, conn):
    given = await give(pod, amount=5)
    session = {
        **await session_of(sandbox, given["paymentId"]), "status": "complete", "payment_status": "no_payment_required",
        "amount_total": 0, "payment_intent": None,
    }  # fmt: skip
    assert (await send_stripe(pod, stripe_event("checkout.session.completed", session)))[0] == 200
    await becomes(conn, given["paymentId"], "completed")
    assert await ledger(conn, given["paymentId"]) == []
