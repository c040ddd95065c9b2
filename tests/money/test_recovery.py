"""Payments left by a crash or an unanswered call are finished: by the same key, by a search, or closed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hingecraft.payments import store as payments
from hingecraft.payments.model import Status
from hingecraft.providers.wallet import Wallet
from support.money import becomes, give, status_of
from support.reconciling import old, reconcile

pytestmark = pytest.mark.usefixtures("few_links")


@pytest.mark.parametrize("act", ["timeout_before", "timeout_after"])
async def test_a_checkout_that_nobody_knows_the_end_of_is_finished_by_the_same_key(
    pod, sandbox, conn, dsn, settings, act
):
    await sandbox.fault(act, method="POST", seconds=30, times=9)
    status, _ = await pod.call("POST", "/mission-support/micro-payment", json={"amount": 5})
    assert status == 502
    await sandbox.ask("DELETE", "/_sandbox/switches")
    payment = str(await conn.fetchval("SELECT id FROM payments"))
    assert await status_of(conn, payment) == "unknown"
    assert (await reconcile(dsn, settings)).checked == 0, "a request that may still be answered is not helped"
    await old(conn)
    assert (await reconcile(dsn, settings)).changed == 1
    (session,) = await sandbox.sessions(payment)
    row = await conn.fetchrow("SELECT status, provider_id, provider_url FROM external_payments WHERE kind = 'single'")
    assert (row["status"], row["provider_id"]) == ("pending", session["id"])
    assert row["provider_url"].startswith("http")
    actors = await conn.fetch("SELECT actor FROM payment_audit WHERE action = 'checkout_opened'")
    assert [each["actor"] for each in actors] == ["reconcile"]


@pytest.mark.parametrize("made", [True, False])
async def test_after_a_day_nothing_is_called_again_only_looked_for(pod, sandbox, conn, dsn, settings, made):
    await sandbox.fault("timeout_after" if made else "timeout_before", method="POST", seconds=30, times=9)
    await pod.call("POST", "/mission-support/micro-payment", json={"amount": 5})
    await sandbox.ask("DELETE", "/_sandbox/switches")
    payment = str(await conn.fetchval("SELECT id FROM payments"))
    sessions = await sandbox.sessions(payment)
    for session in sessions:
        await sandbox.change("sessions", session["id"], created=session["created"] - 23 * 3600)
        await sandbox.act(session["id"], "pay")
    await old(conn, timedelta(hours=23, minutes=1))
    await reconcile(dsn, settings)
    assert await status_of(conn, payment) == ("completed" if made else "expired")
    assert len(await sandbox.sessions(payment)) == int(made)


async def test_a_lost_invoice_is_made_again_and_one_that_the_wallet_replaced_is_closed(
    pod, sandbox, conn, dsn, settings
):
    await sandbox.fault("timeout_before", provider="nowpayments", method="POST", seconds=30, times=9)
    await pod.call("POST", "/charter/generate-payment", json={"amount": 25, "currency": "BTC"})
    await conn.execute("INSERT INTO wallets (coin, wallet_address) VALUES ('BTC', 'bc1')")
    await pod.call("POST", "/charter/generate-payment", json={"amount": 26, "currency": "BTC"})
    await sandbox.ask("DELETE", "/_sandbox/switches")
    await old(conn)
    assert (await reconcile(dsn, settings)).changed == 2
    rows = await conn.fetch(
        "SELECT p.amount, p.status, e.provider, e.status AS checkout FROM payments p JOIN external_payments e "
        "ON e.payment_id = p.id ORDER BY p.amount, e.provider"
    )
    assert [tuple(row) for row in rows] == [
        (25, "pending", "nowpayments", "pending"),
        (26, "awaiting_confirmation", "nowpayments", "expired"),
        (26, "awaiting_confirmation", "wallet", "awaiting_confirmation"),
    ]


STUCK = """
SET session_replication_role = replica;
UPDATE payments SET status = 'unknown', created_at = now() - interval '2 hours', provider_id = NULL;
UPDATE external_payments SET status = '{}', created_at = now() - interval '2 hours', provider_id = NULL;
RESET session_replication_role;
"""


async def test_a_wallet_that_may_not_replace_an_unknown_invoice_leaves_its_checkout_to_the_recoverer(
    pod, conn, dsn, settings
):
    """The provider says no to the repeat of a call that was never answered: an invoice may exist all the same."""
    given = await give(pod, amount=25, currency="BTC")
    await conn.execute(STUCK.format("unknown"))
    checkout = await conn.fetchval("SELECT id FROM external_payments")
    outcome = payments.Outcome(status=Status.FAILED, details={"reason": "it said no"})
    shown = Wallet(address="bc1q", uri="bitcoin:bc1q")
    assert not await payments.fall_back(conn, checkout, outcome, wallet=shown, url="wallet:bc1q", request_id="r")
    assert await conn.fetchval("SELECT status FROM external_payments") == "unknown"
    await reconcile(dsn, settings)
    assert await status_of(conn, given["paymentId"]) == "pending"


@pytest.mark.parametrize(("checkout", "ends_as"), [("failed", "failed"), ("expired", "expired")])
async def test_a_payment_whose_checkout_has_ended_does_not_stay_unknown(
    pod, sandbox, conn, dsn, settings, checkout, ends_as
):
    """Nobody looks at an ended checkout, so the payment is looked at; late money completes it all the same."""
    given = await give(pod, amount=5)
    (session,) = await sandbox.sessions(given["paymentId"])
    await conn.execute(STUCK.format(checkout))
    assert (await reconcile(dsn, settings, dry_run=True)).changed == 0
    assert (await reconcile(dsn, settings)).changed == 1
    assert await status_of(conn, given["paymentId"]) == ends_as
    assert await conn.fetchval("SELECT details ->> 'to' FROM payment_audit WHERE action = 'payment_closed'") == ends_as
    assert (await reconcile(dsn, settings)).changed == 0
    await sandbox.act(session["id"], "pay")
    await becomes(conn, given["paymentId"], "completed")
