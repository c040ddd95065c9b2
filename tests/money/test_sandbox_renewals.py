"""The sandbox's subscriptions under a clock that is moved: periods, failures, trials, pauses and ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import stripe

from support.stripe_sandbox import Subscriber, move, stripe_client


@pytest.fixture
async def subscriber(sandbox):
    http = stripe.AIOHTTPClient()
    await sandbox.ask("DELETE", "/_sandbox/book")
    yield Subscriber(stripe_client(sandbox, http), sandbox)
    # The clock is in the book: other tests find it where it was.
    await sandbox.ask("DELETE", "/_sandbox/book")
    await http.close_async()


def day(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def ends(subscriber, sandbox, periods):
    found = []
    for _ in range(periods):
        found.append((await subscriber.period())[1].date().isoformat())
        await subscriber.press("renew")
    return found


async def test_a_month_after_the_31st_of_january_is_the_last_of_february(subscriber, sandbox):
    await move(sandbox, at="2027-01-31T10:00:00Z")
    await subscriber.buy(900)
    assert await ends(subscriber, sandbox, 3) == ["2027-02-28", "2027-03-31", "2027-04-30"]


async def test_a_year_after_the_29th_of_february_is_the_28th(subscriber, sandbox):
    await move(sandbox, at="2028-02-29T10:00:00Z")
    await subscriber.buy(900, interval="year")
    assert await ends(subscriber, sandbox, 4) == ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]


async def test_a_renewal_is_a_draft_for_an_hour_and_then_charged(subscriber, sandbox):
    session = await subscriber.buy(900)
    first = await subscriber.period()
    await subscriber.told()
    await move(sandbox, at=first[1].isoformat())
    draft, paid = await subscriber.invoices()
    assert (draft.status, draft.billing_reason, paid.id) == ("draft", "subscription_cycle", session.invoice)
    assert await subscriber.told() == ["invoice.created", "customer.subscription.updated"]
    assert (await subscriber.period())[0] == first[1]
    await move(sandbox, hours=1)
    renewal, _ = await subscriber.invoices()
    assert (renewal.id, renewal.status) == (draft.id, "paid")
    (line,) = renewal.lines.data
    assert (line.period.start, renewal.period_end) == (int(first[1].timestamp()), int(first[1].timestamp()))
    assert await subscriber.told() == [
        "invoice.finalized", "payment_intent.created", "payment_intent.succeeded", "charge.succeeded", "invoice.paid",
        "invoice.payment_succeeded", "invoice_payment.paid",
    ]  # fmt: skip


async def test_a_declined_renewal_is_tried_again_until_it_is_paid(subscriber, sandbox):
    await subscriber.buy(900)
    await subscriber.told()
    await subscriber.press("decline")
    assert (await subscriber.now()).status == "past_due"
    assert (await subscriber.told())[-3:] == [
        "payment_intent.payment_failed", "invoice.payment_failed", "customer.subscription.updated",
    ]  # fmt: skip
    await subscriber.press("fix_card")
    await move(sandbox, days=3)
    assert ((await subscriber.now()).status, (await subscriber.invoices())[0].attempt_count) == ("active", 2)


@pytest.mark.parametrize(
    ("setting", "status"), [("cancel", "canceled"), ("unpaid", "unpaid"), ("past_due", "past_due")]
)
async def test_the_account_decides_what_follows_the_last_attempt(subscriber, sandbox, setting, status):
    await sandbox.ask("PUT", "/_sandbox/billing", json={"after_failures": setting})
    await subscriber.buy(900)
    await subscriber.press("decline")
    await move(sandbox, days=16)
    invoice, _ = await subscriber.invoices()
    assert ((await subscriber.now()).status, invoice.attempt_count, invoice.status) == (status, 4, "open")


async def test_a_subscription_ends_with_its_period_and_takes_no_more_calls(subscriber, sandbox):
    await subscriber.buy(900)
    await subscriber.client.subscriptions.update_async(subscriber.id, {"cancel_at_period_end": True})
    found = await subscriber.now()
    assert (found.cancel_at_period_end, found.cancel_at) == (True, found["items"].data[0].current_period_end)
    await subscriber.told()
    await move(sandbox, months=1, hours=2)
    assert (await subscriber.now()).status == "canceled"
    assert await subscriber.told() == ["customer.subscription.deleted"]
    assert len(await subscriber.invoices()) == 1
    with pytest.raises(stripe.InvalidRequestError):
        await subscriber.client.subscriptions.cancel_async(subscriber.id)


async def test_a_trial_is_free_and_then_paid(subscriber, sandbox):
    session = await subscriber.buy(900, trial_period_days=7)
    assert (session.payment_status, (await subscriber.now()).status) == ("no_payment_required", "trialing")
    start, end = await subscriber.period()
    assert end - start == timedelta(days=7)
    (free,) = await subscriber.invoices()
    assert (free.total, [line.amount for line in free.lines.data]) == (0, [0])
    await move(sandbox, days=5)
    assert "customer.subscription.trial_will_end" in await subscriber.told()
    await move(sandbox, days=3)
    paid, _ = await subscriber.invoices()
    assert ((await subscriber.now()).status, paid.amount_paid, paid.billing_reason) == (
        "active",
        900,
        "subscription_cycle",
    )


async def test_a_trial_without_a_card_is_paused_and_resumed(subscriber, sandbox):
    settings = {"end_behavior": {"missing_payment_method": "pause"}}
    await subscriber.buy(900, trial_period_days=7, trial_settings=settings)
    await subscriber.press("lose_card")
    await move(sandbox, days=8)
    assert ((await subscriber.now()).status, (await subscriber.told())[-1]) == (
        "paused",
        "customer.subscription.paused",
    )
    await subscriber.press("resume")
    assert ((await subscriber.now()).status, (await subscriber.invoices())[0].amount_paid) == ("active", 900)
    assert "customer.subscription.resumed" in await subscriber.told()


@pytest.mark.parametrize(
    ("behavior", "status"), [("void", "void"), ("keep_as_draft", "draft"), ("mark_uncollectible", "uncollectible")]
)
async def test_paused_collection_leaves_the_subscription_active(subscriber, sandbox, behavior, status):
    await subscriber.buy(900)
    await subscriber.client.subscriptions.update_async(subscriber.id, {"pause_collection": {"behavior": behavior}})
    await move(sandbox, months=1, hours=2)
    assert ((await subscriber.now()).status, (await subscriber.invoices())[0].status) == ("active", status)


async def test_the_clock_moves_only_forward_while_a_subscription_runs(subscriber, sandbox):
    await move(sandbox, at="2027-01-31T10:00:00Z")
    await subscriber.buy(900)
    with pytest.raises(AssertionError, match="only forward"):
        await move(sandbox, at="2027-01-30T10:00:00Z")
    with pytest.raises(AssertionError, match="Extra inputs"):
        await move(sandbox, fortnights=1)


async def test_the_payment_of_an_invoice_is_refunded_and_disputed(subscriber, sandbox):
    session = await subscriber.buy(900)
    await subscriber.told()
    for act in ("refund_half", "dispute"):
        await sandbox.ask("POST", f"/pay/stripe/invoice/{session.invoice}/{act}", allow_redirects=False)
    told = await subscriber.told()
    assert told == [
        "refund.created", "charge.refunded", "charge.dispute.created", "charge.dispute.funds_withdrawn",
    ]  # fmt: skip
    page = await sandbox.ask("GET", f"/pay/stripe/invoice/{session.invoice}")
    assert "The dispute is won" in page
