"""Signed messages that are not about our checkout, and those whose object the provider does not show yet."""

from __future__ import annotations

import json
import logging

import pytest

from support.money import all_processed, becomes, give, ledger, send_stripe, status_of, stripe_event

KEY = {"Authorization": "Bearer sk_test_sandbox"}
COUNT = "SELECT count(*) FROM provider_events WHERE ignored_because LIKE $1"


@pytest.mark.parametrize("body", [{"amount": 5}, {"amount": 37.5, "currency": "EUR"}])
async def test_what_happens_in_a_connected_account_is_ignored_and_says_why(pod, sandbox, conn, body):
    await sandbox.tells(pod.public, account="acct_connected")
    given = await give(pod, **body)
    (session,) = await sandbox.sessions(given["paymentId"])
    await sandbox.act(session["id"], "pay")
    await all_processed(conn, at_least=3)
    assert await status_of(conn, given["paymentId"]) == "pending"
    assert await conn.fetchval(COUNT, "%connected account (acct_connected)") == 2
    assert await conn.fetchval(COUNT, "nothing here takes charge.succeeded") == 1


async def another_session(sandbox, payment, amount=500):
    """Made in our account by someone else, who copied the reference of one of our payments."""
    return await sandbox.ask(
        "POST", "/v1/checkout/sessions", headers=KEY,
        data={
            "mode": "payment", "client_reference_id": payment, "metadata[payment_id]": payment,
            "payment_intent_data[metadata][payment_id]": payment, "success_url": "https://www.example.com/",
            "line_items[0][quantity]": "1", "line_items[0][price_data][currency]": "usd",
            "line_items[0][price_data][unit_amount]": str(amount),
            "line_items[0][price_data][product_data][name]": "x",
        },
    )  # fmt: skip


async def test_another_session_with_our_reference_completes_nothing_and_raises_an_alert(pod, sandbox, conn, caplog):
    given = await give(pod, amount=5)
    (ours,) = await sandbox.sessions(given["paymentId"])
    theirs = await another_session(sandbox, given["paymentId"])
    with caplog.at_level(logging.ERROR):
        await sandbox.act(theirs["id"], "pay")
        await all_processed(conn, at_least=3)
    assert await status_of(conn, given["paymentId"]) == "pending"
    assert await ledger(conn, given["paymentId"]) == []
    assert await conn.fetchval(COUNT, "%is not its checkout") >= 1
    assert any(theirs["id"] in each.getMessage() for each in caplog.records)
    await sandbox.act(ours["id"], "pay")
    await becomes(conn, given["paymentId"], "completed")
    await all_processed(conn, at_least=6)
    assert await ledger(conn, given["paymentId"]) == [("charge", 5, "USD", 5)]


@pytest.mark.parametrize("session_first", [True, False])
async def test_an_intent_in_the_payers_currency_adds_no_second_settlement(pod, sandbox, conn, session_first):
    given = await give(pod, amount=25, currency="USD")
    (session,) = await sandbox.sessions(given["paymentId"])
    await sandbox.tells(pod.public, enabled=session_first)
    await sandbox.act(session["id"], "pay")
    if session_first:
        await becomes(conn, given["paymentId"], "completed")
    session = await sandbox.stripe(f"checkout/sessions/{session['id']}")
    intent = await sandbox.stripe(f"payment_intents/{session['payment_intent']}")
    intent |= {"currency": "jpy", "amount": 3800, "amount_received": 3800}
    await send_stripe(pod, stripe_event("payment_intent.succeeded", intent))
    await all_processed(conn)
    if not session_first:
        await send_stripe(pod, stripe_event("checkout.session.completed", session))
        await becomes(conn, given["paymentId"], "completed")
    await all_processed(conn)
    assert await ledger(conn, given["paymentId"]) == [("charge", 25, "USD", 25)]


async def test_a_payment_that_nowpayments_does_not_show_yet_is_asked_for_until_it_does(pod, sandbox, conn):
    given = await give(pod, amount=25, currency="BTC")
    await sandbox.fault("status_before", provider="nowpayments", method="GET", path="/payment/", status=404, times=999)
    await sandbox.coins(given["url"], "pay")
    while not await conn.fetchval("SELECT count(*) = 5 FROM provider_events WHERE error LIKE '%404%'"):
        await conn.execute("SELECT pg_sleep(0.05)")
    assert await conn.fetchval("SELECT count(processed_at) FROM provider_events") == 0
    await sandbox.ask("DELETE", "/_sandbox/switches")
    await all_processed(conn, at_least=5)
    await becomes(conn, given["paymentId"], "completed")
    assert len(await ledger(conn, given["paymentId"])) == 1


async def test_a_session_that_stripe_does_not_show_yet_is_asked_for_until_it_does(pod, sandbox, conn):
    given = await give(pod, amount="12.50", currency="EUR")
    (session,) = await sandbox.sessions(given["paymentId"])
    await sandbox.tells(pod.public, enabled=False)
    await sandbox.act(session["id"], "pay")
    paid = await sandbox.stripe(f"checkout/sessions/{session['id']}")
    await sandbox.fault("status_before", provider="stripe", method="GET", path=session["id"], status=404, times=999)
    assert (await send_stripe(pod, stripe_event("checkout.session.completed", paid)))[0] == 200
    while not await conn.fetchval("SELECT count(*) FROM provider_events WHERE error LIKE '%404%'"):
        await conn.execute("SELECT pg_sleep(0.05)")
    assert await status_of(conn, given["paymentId"]) == "pending"
    await sandbox.ask("DELETE", "/_sandbox/switches")
    await all_processed(conn)
    await becomes(conn, given["paymentId"], "completed")


async def test_an_event_of_a_session_that_stripe_never_shows_does_nothing(pod, sandbox, conn):
    given = await give(pod, amount=5)
    session = {
        "id": "cs_test_theirs", "object": "checkout.session", "livemode": False, "mode": "payment", "currency": "usd",
        "amount_subtotal": 500, "amount_total": 500, "status": "complete", "payment_status": "paid",
        "payment_intent": "pi_theirs", "payment_link": None, "client_reference_id": given["paymentId"],
        "metadata": {"payment_id": given["paymentId"]},
    }  # fmt: skip
    assert (await send_stripe(pod, stripe_event("checkout.session.completed", session)))[0] == 200
    while not (why := await conn.fetchval("SELECT error FROM provider_events")):
        await conn.execute("SELECT pg_sleep(0.05)")
    assert "404" in why, json.dumps(why)
    assert await status_of(conn, given["paymentId"]) == "pending"
