"""Nobody told us, or we died in the middle: afterwards our books equal the provider's all the same."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from hingecraft.payments import store as payments
from hingecraft.payments.model import Status
from hingecraft.providers.wallet import Wallet
from hingecraft.reconcile import watch as watching
from hingecraft.reconcile.command import span_of
from hingecraft.reconcile.model import next_check
from support.money import all_processed, becomes, give, ledger, status_of
from support.pods import running_pod
from support.reconciling import command, reconcile, summary_of

AGE = "UPDATE external_payments SET created_at = now() - $1::interval, expires_at = expires_at - $1::interval"
LOGIN = {"nowpayments_email": "shop@example.com", "nowpayments_password": "a-password"}


@pytest.fixture
async def silent(pod, sandbox):
    """Nothing that happens is told."""
    await sandbox.tells(pod.public, enabled=False)


@pytest.fixture
def settings(sandbox):
    return sandbox.settings


async def pay(sandbox, payment, act="pay"):
    (session,) = await sandbox.sessions(payment)
    await sandbox.act(session["id"], act)


async def old(conn, age=timedelta(minutes=2)):
    await conn.execute(AGE, age)


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("events", [True, False])
@pytest.mark.parametrize(("act", "status"), [("pay", "completed"), ("expire", "expired"), ("fail", "pending")])
async def test_what_was_lost_on_its_way_is_found(pod, sandbox, conn, dsn, settings, act, status, events):
    """In the list of events, and where that cannot be read, by asking about the checkout itself."""
    if not events:
        await sandbox.fault("status_before", status=403, path="events")
    given = await give(pod, amount="12.50", currency="EUR")
    await pay(sandbox, given["paymentId"], act)
    found = await reconcile(dsn, settings)
    assert found.errors == int(not events)
    assert found.changed == int(not events and status != "pending")
    assert await status_of(conn, given["paymentId"]) == status
    paid = [("charge", Decimal("12.5"), "EUR", Decimal("13.62"))]
    assert await ledger(conn, given["paymentId"]) == (paid if status == "completed" else [])
    again = await reconcile(dsn, settings)
    assert again.changed == 0
    assert await conn.fetchval("SELECT count(*) FROM settlements") == len(paid) * (status == "completed")


@pytest.mark.usefixtures("silent")
async def test_a_refund_that_nobody_told_us_of_is_read_from_the_events(pod, sandbox, conn, dsn, settings):
    given = await give(pod, amount=5)
    await pay(sandbox, given["paymentId"])
    await reconcile(dsn, settings)
    await pay(sandbox, given["paymentId"], "refund_half")
    found = await reconcile(dsn, settings)
    assert found.events_missed >= 1
    assert await status_of(conn, given["paymentId"]) == "partially_refunded"
    assert await conn.fetchval("SELECT sum(amount) FROM settlements") == Decimal("2.5")


@pytest.mark.usefixtures("silent")
async def test_a_dry_run_says_what_would_change_and_changes_nothing(pod, sandbox, conn, dsn, settings):
    given = await give(pod, amount=5)
    await pay(sandbox, given["paymentId"])
    everything = """
        SELECT (SELECT count(*) FROM payment_audit), (SELECT max(updated_at) FROM external_payments),
            (SELECT count(*) FROM provider_events), (SELECT count(*) FROM reconcile_cursors),
            (SELECT count(*) FROM external_payments)
    """
    before = await conn.fetchrow(everything)
    found = await reconcile(dsn, settings, dry_run=True)
    assert (found.checked, found.changed) == (1, 1)
    assert found.events_missed >= 3
    assert await conn.fetchrow(everything) == before
    assert await status_of(conn, given["paymentId"]) == "pending"


async def test_only_what_is_due_is_asked_about(pod, conn, dsn, settings):
    await give(pod, amount=5)
    assert (await reconcile(dsn, settings, every_checkout=False)).checked == 0
    await conn.execute("UPDATE external_payments SET next_check_at = now()")
    assert (await reconcile(dsn, settings, every_checkout=False)).checked == 1
    # It was made less than a minute ago and looked at: the next look is a minute after it was made.
    left = await conn.fetchval("SELECT next_check_at - created_at FROM external_payments WHERE kind = 'single'")
    assert timedelta(seconds=59) < left < timedelta(seconds=62)
    assert (await reconcile(dsn, settings, every_checkout=False)).checked == 0


@pytest.mark.parametrize(
    ("age", "pause"),
    [(10, 50), (60, 240), (299, 1), (301, 599), (1000, 3600), (250_000, 3600), (300_000, 86_400), (9_999_999, 86_400)],
)
def test_a_checkout_is_asked_about_less_and_less(age, pause):
    assert next_check(timedelta(seconds=age)) == timedelta(seconds=pause)


async def test_a_session_that_stripe_does_not_know_is_an_error(pod, conn, dsn, settings):
    given = await give(pod, amount=5)
    await conn.execute("UPDATE external_payments SET provider_id = 'cs_test_elsewhere'")
    await reconcile(dsn, settings)
    assert await status_of(conn, given["paymentId"]) == "error"


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


@pytest.mark.usefixtures("silent")
async def test_coins_are_looked_up_with_the_login_and_without_it_that_is_said(pod, sandbox, conn, dsn, settings):
    given = await give(pod, amount=25, currency="BTC")
    await sandbox.coins(given["url"], "pay")
    found = await reconcile(dsn, settings)
    assert (found.unasked, found.errors) == (1, 0)
    assert any("NOWPAYMENTS_EMAIL" in reason for reason in found.reasons)
    assert await status_of(conn, given["paymentId"]) == "pending"
    found = await reconcile(dsn, {**settings, **LOGIN})
    assert (found.errors, found.unasked) == (0, 0)
    assert await status_of(conn, given["paymentId"]) == "completed"
    # A second payer of an invoice that is paid already, whose callback is lost as well.
    await sandbox.coins(given["url"], "pay")
    await reconcile(dsn, {**settings, **LOGIN})
    assert len(await ledger(conn, given["paymentId"])) == 2
    read = (await reconcile(dsn, {**settings, **LOGIN})).events_missed
    assert read == 0, "what stands as it stood is no news"


@pytest.mark.usefixtures("silent")
@pytest.mark.parametrize("login", [{}, LOGIN])
async def test_an_invoice_that_was_paid_in_part_expires_by_our_clock_and_late_money_completes_it(
    pod, sandbox, conn, dsn, settings, login
):
    """With the login and without it; what came stays in the books."""
    given = await give(pod, amount=25, currency="BTC")
    await sandbox.tells(pod.public)
    payment = await sandbox.coins(given["url"], "half")
    await all_processed(conn, at_least=4)
    await old(conn, timedelta(days=8))
    assert (await reconcile(dsn, {**settings, **login})).errors == 0
    assert await status_of(conn, given["paymentId"]) == "expired"
    assert len(await ledger(conn, given["paymentId"])) == 1
    await sandbox.coin_act(payment, "rest")
    await becomes(conn, given["paymentId"], "completed")


@pytest.mark.usefixtures("silent")
async def test_an_invoice_that_nobody_paid_expires_by_our_clock(pod, conn, dsn, settings):
    given = await give(pod, amount=25, currency="BTC")
    await old(conn, timedelta(days=8))
    await reconcile(dsn, settings)
    assert await status_of(conn, given["paymentId"]) == "expired"


LOSE = """
SET session_replication_role = replica;
DELETE FROM settlements; DELETE FROM settlement_totals; DELETE FROM provider_events; DELETE FROM provider_event_ids;
DELETE FROM payment_audit; DELETE FROM external_payments; DELETE FROM payments;
RESET session_replication_role;
"""


async def test_what_a_restored_backup_has_lost_is_found_at_the_provider(pod, sandbox, conn, dsn, settings):
    """Its events were delivered, so nobody sends them again; another installation's payments stay its own."""
    await sandbox.ask("DELETE", "/_sandbox/book")
    paid, refunded, elsewhere = [await give(pod, amount="12.50", currency="EUR") for _ in range(3)]
    for given in (paid, refunded, elsewhere):
        await pay(sandbox, given["paymentId"])
        await becomes(conn, given["paymentId"], "completed")
    await pay(sandbox, refunded["paymentId"], "refund")
    await becomes(conn, refunded["paymentId"], "refunded")
    (session,) = await sandbox.sessions(elsewhere["paymentId"])
    await all_processed(conn)
    await conn.execute(LOSE)
    other = {**session["metadata"], "installation": "3f2b8a52-6a80-4f3e-9c8e-0a8f6a4c8a11"}
    await sandbox.change("sessions", session["id"], metadata=other)
    await sandbox.change("payment_intents", session["payment_intent"], metadata=other)
    found = await reconcile(dsn, settings)
    assert found.errors == 0
    await all_processed(conn)
    rows = await conn.fetch("SELECT id::text, status, amount, source FROM payments")
    assert {row["id"]: (row["status"], row["amount"], row["source"]) for row in rows} == {
        paid["paymentId"]: ("completed", Decimal("12.5"), "charter"),
        refunded["paymentId"]: ("refunded", Decimal("12.5"), "charter"),
    }
    assert await conn.fetchval("SELECT sum(amount) FROM settlements") == Decimal("12.5")


@pytest.mark.usefixtures("silent")
async def test_two_runs_at_once_count_everything_once(pod, sandbox, conn, dsn, settings):
    for _ in range(8):
        given = await give(pod, amount=5)
        await pay(sandbox, given["paymentId"])
    found = await asyncio.gather(*(reconcile(dsn, settings) for _ in range(3)))
    assert sum(each.errors for each in found) == 0
    assert await conn.fetchval("SELECT count(*) FROM payments WHERE status = 'completed'") == 8
    assert await conn.fetchval("SELECT sum(amount) FROM settlements") == 40
    links = (await sandbox.stripe("payment_links?limit=100"))["data"]
    assert len({link["metadata"]["hingecraft_link"] for link in links if link["active"]}) == len(
        [link for link in links if link["active"]]
    )


async def test_the_recoverer_in_the_pod_needs_no_job(pod, sandbox, conn):
    await sandbox.fault("timeout_after", method="POST", seconds=30, times=9)
    await pod.call("POST", "/mission-support/micro-payment", json={"amount": 5})
    await sandbox.ask("DELETE", "/_sandbox/switches")
    payment = str(await conn.fetchval("SELECT id FROM payments"))
    await old(conn)
    await conn.execute("UPDATE external_payments SET next_check_at = now()")
    await becomes(conn, payment, "pending", within=30)


@pytest.mark.usefixtures("silent")
async def test_the_command_says_it_as_json_and_by_its_exit_code(pod, sandbox, conn, dsn):
    given = await give(pod, amount=5)
    await pay(sandbox, given["paymentId"])
    code, said, _ = await command(dsn, sandbox.environment, "reconcile", "--once", "--all", "--lookback", "2h")
    assert code == 0
    found = summary_of(said)
    assert (found["errors"], found["dry_run"]) == (0, False)
    assert found["events_missed"] >= 3
    assert await status_of(conn, given["paymentId"]) == "completed"
    assert await conn.fetchval("SELECT succeeded FROM reconcile_runs")
    assert await conn.fetchval("SELECT count(*) FROM payment_audit WHERE action = 'reconciliation'") == 1
    await sandbox.fault("status_before", status=403, path="events")
    code, said, _ = await command(dsn, sandbox.environment, "reconcile", "--once")
    assert code == 1
    assert "events could not be read" in summary_of(said)["reasons"][0]
    for wrong in (["--lookback", "31d"], ["--lookback", "soon"], ["--provider", "paypal"]):
        assert (await command(dsn, sandbox.environment, "reconcile", "--once", *wrong))[0] == 2
    nobody = {name: "" for name in sandbox.environment if "STRIPE" in name or "NOWPAYMENTS" in name}
    code, _, complained = await command(dsn, nobody, "reconcile", "--once")
    assert code == 2
    assert "nobody to ask" in complained


async def test_the_pods_show_how_the_last_run_ended(dsn, settings, monkeypatch):
    monkeypatch.setattr(watching, "_EVERY", 0.05)
    await reconcile(dsn, settings)
    async with running_pod(dsn, **settings) as pod:
        await shows(pod)


async def shows(pod):
    while "hingecraft_reconcile_succeeded 1.0" not in await metrics(pod):
        await asyncio.sleep(0.2)
    assert 'hingecraft_reconcile_checkouts{what="checked"} 0.0' in await metrics(pod)


async def metrics(pod):
    async with pod.client.get(f"{pod.internal}/metrics") as response:
        return await response.text()


async def test_the_trail_tells_the_whole_story_in_order(pod, sandbox, conn, dsn):
    given = await give(pod, amount=5)
    await pay(sandbox, given["paymentId"])
    await becomes(conn, given["paymentId"], "completed")
    await all_processed(conn, at_least=3)
    code, said, _ = await command(dsn, {}, "trail", given["paymentId"])
    assert code == 0
    order = ("wants to give 5 USD", "has made cs_test_", "pending becomes completed")
    for earlier, later in pairwise(order):
        assert said.index(earlier) < said.index(later)
    assert "charge of 5 USD, worth 5 USD" in said
    code, _, complained = await command(dsn, {}, "trail", "3f2b8a52-6a80-4f3e-9c8e-0a8f6a4c8a11")
    assert (code, complained.strip()) == (1, "hingecraft trail: There is no payment with this id.")
    assert (await command(dsn, {}, "trail", "x"))[0] == 2


def test_a_span_is_read():
    assert (span_of("24h"), span_of("7d"), span_of("90m")) == (
        timedelta(hours=24), timedelta(days=7), timedelta(minutes=90),
    )  # fmt: skip
