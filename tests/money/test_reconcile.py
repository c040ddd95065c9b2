"""Nobody told us, or we died in the middle: afterwards our books equal the provider's all the same."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from hingecraft.payments.model import unknown_payment
from hingecraft.providers.stripe.asking import StripeAsking
from hingecraft.reconcile import watch as watching
from hingecraft.reconcile.command import span_of
from hingecraft.reconcile.model import next_check
from support.limits import PROGRESS
from support.money import all_processed, becomes, give, ledger, status_of
from support.pods import running_pod
from support.reconciling import command, old, reconcile, summary_of

pytestmark = pytest.mark.usefixtures("few_links")

RUN = "INSERT INTO reconcile_runs (started_at, succeeded, summary) VALUES (now(), $1, '{\"reasons\": []}')"
RUNS = 'hingecraft_reconcile_runs_total{{result="{}"}}'
LOGIN = {"nowpayments_email": "shop@example.com", "nowpayments_password": "a-password"}


@pytest.fixture
async def silent(pod, sandbox):
    """Nothing that happens is told."""
    await sandbox.tells(pod.public, enabled=False)


async def pay(sandbox, payment, act="pay"):
    (session,) = await sandbox.sessions(payment)
    await sandbox.act(session["id"], act)


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
    if events:
        assert found.events_missed >= 1
        # The pod works on what the run has read as well: then the run may find it done only in part, and asks.
        await all_processed(conn)
    else:
        assert found.changed == int(status != "pending")
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
    # The pod works on what the run has read as well, and may be at it when the run ends.
    await all_processed(conn)
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
    assert found.events_missed == 2, "the session, and the payment intent"
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


@pytest.mark.usefixtures("silent")
async def test_a_check_that_has_lost_its_claim_keeps_nothing(pod, sandbox, conn, dsn, settings, monkeypatch, caplog):
    """The process that has taken the checkout over meanwhile records what Stripe says."""
    asked = StripeAsking.of_checkout

    async def late(*arguments, **more):
        finding = await asked(*arguments, **more)
        await conn.execute("UPDATE external_payments SET claimed_until = NULL")
        return finding

    await sandbox.fault("status_before", status=403, path="events")
    given = await give(pod, amount=5, currency="EUR")
    await pay(sandbox, given["paymentId"])
    monkeypatch.setattr(StripeAsking, "of_checkout", late)
    assert (await reconcile(dsn, settings)).changed == 0
    assert await status_of(conn, given["paymentId"]) == "pending"
    assert "active transaction" not in caplog.text


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
    # The pod works on what the run has read as well, and may be at it when the run ends. What the sandbox lists of
    # other tests waits for rows that are not here.
    async with asyncio.timeout(PROGRESS):
        while len(await ledger(conn, given["paymentId"])) < 2:
            await asyncio.sleep(0.05)
    assert len(await ledger(conn, given["paymentId"])) == 2
    read = (await reconcile(dsn, {**settings, **LOGIN})).events_missed
    assert read == 0, "an unchanged checkout is not news"


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
    await becomes(conn, payment, "pending")


@pytest.mark.usefixtures("silent")
async def test_the_command_says_it_as_json_and_by_its_exit_code(pod, sandbox, conn, dsn):
    given = await give(pod, amount=5)
    await pay(sandbox, given["paymentId"])
    code, said, _ = await command(dsn, sandbox.environment, "reconcile", "--once", "--all", "--lookback", "2h")
    assert code == 0
    found = summary_of(said)
    assert (found["errors"], found["dry_run"]) == (0, False)
    assert found["events_missed"] >= 2
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
    assert "no provider is configured" in complained


async def test_the_pods_show_how_the_last_run_ended(dsn, conn, settings, monkeypatch):
    monkeypatch.setattr(watching, "_EVERY", 0.05)
    async with running_pod(dsn, **settings) as pod:
        assert await pod.metric("hingecraft_reconcile_finished_timestamp_seconds") == 0
        await reconcile(dsn, settings)
        ended = await conn.fetchval("SELECT extract(epoch FROM finished_at)::float8 FROM reconcile_runs")
        await shows(pod)
        shown = await pod.metric("hingecraft_reconcile_finished_timestamp_seconds")
        assert shown == pytest.approx(ended, abs=0.001)


async def test_the_pods_count_the_runs_that_end_while_they_run(dsn, conn, settings, monkeypatch):
    monkeypatch.setattr(watching, "_EVERY", 0.05)
    await conn.execute(RUN, True)
    async with running_pod(dsn, **settings) as pod:
        await pod.shows("hingecraft_reconcile_succeeded", 1)
        assert [await pod.metric(RUNS.format(result)) for result in ("succeeded", "failed")] == [0, 0]
        for succeeded in (True, False, False):
            await conn.execute(RUN, succeeded)
        await pod.shows(RUNS.format("failed"), 2)
        await pod.shows(RUNS.format("succeeded"), 1)


async def shows(pod):
    while "hingecraft_reconcile_succeeded 1.0" not in await metrics(pod):
        await asyncio.sleep(0.2)
    assert 'hingecraft_reconcile_checkouts{what="checked"} 0.0' in await metrics(pod)


async def metrics(pod):
    async with pod.client.get(f"{pod.internal}/metrics") as response:
        return await response.text()


async def test_the_command_shows_the_payment_history_in_order(pod, sandbox, conn, dsn):
    given = await give(pod, amount=5)
    await pay(sandbox, given["paymentId"])
    await becomes(conn, given["paymentId"], "completed")
    await all_processed(conn, at_least=3)
    code, said, _ = await command(dsn, {}, "trail", given["paymentId"])
    assert code == 0
    order = ("payment of 5 USD started", "stripe created cs_test_", "changed from pending to completed")
    for earlier, later in pairwise(order):
        assert said.index(earlier) < said.index(later)
    assert "charge of 5 USD, worth 5 USD" in said
    code, _, complained = await command(dsn, {}, "trail", "3f2b8a52-6a80-4f3e-9c8e-0a8f6a4c8a11")
    assert (code, complained.strip()) == (1, f"hingecraft trail: {unknown_payment()}")
    assert (await command(dsn, {}, "trail", "x"))[0] == 2


def test_a_span_is_read():
    assert (span_of("24h"), span_of("7d"), span_of("90m")) == (
        timedelta(hours=24), timedelta(days=7), timedelta(minutes=90),
    )  # fmt: skip


async def an_event(sandbox, *, minutes_ago):
    """One that Stripe made then, by its own clock."""
    made = await sandbox.ask(
        "POST", "/v1/checkout/sessions", headers={"Authorization": "Bearer sk_test_sandbox"},
        data={"mode": "payment", "success_url": "https://x.example", "line_items[0][quantity]": "1",
              "line_items[0][price_data][currency]": "usd", "line_items[0][price_data][unit_amount]": "500",
              "line_items[0][price_data][product_data][name]": "x"},
    )  # fmt: skip
    await sandbox.act(made["id"], "expire")
    newest = (await sandbox.stripe("events?limit=1"))["data"][0]
    created = int(time.time() - minutes_ago * 60)
    await sandbox.change("events", newest["id"], created=created)
    return newest["id"]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(20, 19, id="our-clock-is-twenty-minutes-ahead-of-Stripes"),
        pytest.param(1, 12, id="an-event-that-is-listed-late"),
        pytest.param(-40, -1, id="lists-that-took-forty-minutes-to-read"),
    ],
)
async def test_no_event_falls_between_two_runs(sandbox, conn, dsn, settings, first, second):
    """The next run begins where Stripe's newest event was, by Stripe's clock, and a little before.

    It begins no later than this one did: what happened while the last list was read may be missing in the first.
    """
    await sandbox.ask("DELETE", "/_sandbox/book")
    await sandbox.tells("http://127.0.0.1:9", enabled=False)
    await an_event(sandbox, minutes_ago=first)
    await reconcile(dsn, settings)
    later = await an_event(sandbox, minutes_ago=second)
    await reconcile(dsn, settings)
    assert await conn.fetchval("SELECT count(*) FROM provider_events WHERE event_id = $1", later) == 1


async def test_an_account_without_events_is_read_from_where_it_was_begun(sandbox, conn, dsn, settings):
    await sandbox.ask("DELETE", "/_sandbox/book")
    for _ in range(2):
        await reconcile(dsn, settings)
    behind = await conn.fetchval("SELECT now() - read_until FROM reconcile_cursors WHERE provider = 'stripe_test'")
    assert timedelta(hours=23) < behind < timedelta(hours=25)
