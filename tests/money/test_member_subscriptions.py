"""Subscriptions of members are copied from Stripe, whatever its events say and in whichever order they come."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from hingecraft.members.subscriptions.service import Copies
from hingecraft.systems import FAMILIES
from support.limits import PROGRESS
from support.members import PLAN, STRIPE, Member, pod_for_members, sell
from support.money import all_processed, send_stripe, stripe_event
from support.pods import ADMIN
from support.subscribing import copied, press, reconcile, subscribe

PLAN_PATH = "/api/v1/credits/plan"


@pytest.fixture
async def pod(dsn, sandbox):
    async with pod_for_members(dsn, sandbox) as running:
        yield running


@pytest.fixture
async def price(conn, sandbox):
    return (await sell(conn, sandbox, PLAN))[PLAN]


@pytest.fixture
async def later(sandbox):
    """The clock is in the book: other tests find it where it was."""
    yield
    await sandbox.ask("DELETE", "/_sandbox/book")


async def lose_events(sandbox):
    await sandbox.ask("PUT", "/_sandbox/webhooks", json={"enabled": False})


async def test_a_plan_is_copied_and_shown(ada, sandbox, conn, price):
    assert (await ada.call("GET", PLAN_PATH))[1]["data"] is None
    subscription = await subscribe(ada, sandbox, price)
    row = await copied(conn, ada, status="active")
    assert (row["id"], row["purpose"], row["price_id"], row["livemode"]) == (subscription, "credits", price, False)
    assert row["payment_id"] == await conn.fetchval("SELECT id FROM payments WHERE user_id = $1", ada.id)
    status, answer = await ada.call("GET", PLAN_PATH)
    end = answer["data"].pop("currentPeriodEnd")
    assert (status, answer["data"]) == (
        200, {"planType": "basic", "priceId": price, "status": "active", "cancelAtPeriodEnd": False},
    )  # fmt: skip
    assert datetime.fromisoformat(end) == row["current_period_end"]
    assert (await Member(ada.pod).call("GET", PLAN_PATH))[1]["data"] is None


async def test_an_event_that_is_late_changes_nothing_back(ada, sandbox, conn, price):
    subscription = await subscribe(ada, sandbox, price)
    await copied(conn, ada, status="active")
    before = await sandbox.stripe(f"subscriptions/{subscription}")
    await press(sandbox, subscription, "cancel")
    await copied(conn, ada, status="canceled")
    for _ in range(2):
        await send_stripe(ada.pod, stripe_event("customer.subscription.updated", before, tries=str(uuid4())))
    await all_processed(conn)
    assert (await copied(conn, ada))["status"] == "canceled"
    assert (await ada.call("GET", PLAN_PATH))[1]["data"] is None


async def test_deleted_may_come_before_created(ada, sandbox, conn, price):
    await lose_events(sandbox)
    subscription = await subscribe(ada, sandbox, price)
    created = await sandbox.stripe(f"subscriptions/{subscription}")
    await press(sandbox, subscription, "cancel")
    deleted = await sandbox.stripe(f"subscriptions/{subscription}")
    await send_stripe(ada.pod, stripe_event("customer.subscription.deleted", deleted))
    row = await copied(conn, ada, status="canceled")
    await send_stripe(ada.pod, stripe_event("customer.subscription.created", created))
    async with asyncio.timeout(PROGRESS):
        while await conn.fetchval("SELECT count(*) FROM provider_events WHERE processed_at IS NOT NULL") < 2:
            await asyncio.sleep(0.05)
    assert (await copied(conn, ada))["status"] == "canceled"
    assert row["ended_at"] is not None


async def test_a_cancellation_in_the_portal_is_one_at_the_periods_end(ada, sandbox, conn, price):
    """In the flexible billing mode only `cancel_at` says so."""
    subscription = await subscribe(ada, sandbox, price)
    await copied(conn, ada, status="active")
    _, answer = await ada.call("POST", "/api/v1/billing-portal", {})
    path = answer["data"]["url"].removeprefix(sandbox.address)
    await sandbox.ask("POST", f"{path}/{subscription}/cancel", allow_redirects=False)
    await copied(conn, ada, cancel_at_period_end=True, status="active")
    assert (await ada.call("GET", PLAN_PATH))[1]["data"]["cancelAtPeriodEnd"] is True


async def test_a_customer_of_nobody_here_is_ignored(ada, sandbox, conn, price):
    form = {"mode": "subscription", "line_items[0][price]": price, "success_url": "https://www.example.com/"}
    session = await sandbox.ask("POST", "/v1/checkout/sessions", data=form, headers=STRIPE)
    await sandbox.act(session["id"], "pay")
    because = "SELECT ignored_because FROM provider_events WHERE type = 'customer.subscription.created'"
    async with asyncio.timeout(PROGRESS):
        while (found := await conn.fetchval(because)) is None:
            await asyncio.sleep(0.05)
    assert found == "it is a subscription of no member"
    assert await conn.fetchval("SELECT count(*) FROM subscriptions") == 0


async def test_a_renewal_whose_events_were_lost_is_found(ada, sandbox, conn, price, dsn, later):
    await sandbox.ask("DELETE", "/_sandbox/book/subscriptions")
    start = datetime.now(UTC) - timedelta(days=40)
    await sandbox.ask("PUT", "/_sandbox/clock", json={"at": start.isoformat()})
    subscription = await subscribe(ada, sandbox, price)
    first = await copied(conn, ada, status="active")
    assert first["current_period_end"] < datetime.now(UTC)
    await lose_events(sandbox)
    await sandbox.ask("PUT", "/_sandbox/clock", json={"at": datetime.now(UTC).isoformat()})
    await sandbox.ask("DELETE", "/_sandbox/book/events")
    summary = await reconcile(dsn, sandbox)
    row = await copied(conn, ada)
    assert row["current_period_end"] > datetime.now(UTC)
    renewal = (await sandbox.stripe(f"subscriptions/{subscription}"))["latest_invoice"]
    assert row["paid_invoice"] == renewal
    assert summary.subscriptions_read >= 1
    assert summary.invoices_found >= 1
    assert await conn.fetchval("SELECT count(*) FROM provider_events WHERE event_id = $1", renewal) == 1


async def test_a_renewal_is_found_by_the_next_run_where_its_invoices_could_not_be_read(
    ada, sandbox, conn, price, dsn, later
):
    """A copy that is up to date would not be asked about again."""
    await sandbox.ask("DELETE", "/_sandbox/book/subscriptions")
    start = datetime.now(UTC) - timedelta(days=40)
    await sandbox.ask("PUT", "/_sandbox/clock", json={"at": start.isoformat()})
    subscription = await subscribe(ada, sandbox, price)
    first = await copied(conn, ada, status="active")
    await lose_events(sandbox)
    await sandbox.ask("PUT", "/_sandbox/clock", json={"at": datetime.now(UTC).isoformat()})
    await sandbox.ask("DELETE", "/_sandbox/book/events")
    await sandbox.fault("status_before", provider="stripe", method="GET", path="/v1/invoices", status=400, times=99)
    assert (await reconcile(dsn, sandbox)).invoices_found == 0
    assert await copied(conn, ada) == first
    await sandbox.ask("DELETE", "/_sandbox/faults")
    assert (await reconcile(dsn, sandbox)).invoices_found >= 1
    renewal = (await sandbox.stripe(f"subscriptions/{subscription}"))["latest_invoice"]
    assert await conn.fetchval("SELECT count(*) FROM provider_events WHERE event_id = $1", renewal) == 1


async def test_a_subscription_whose_events_were_all_lost_is_found_by_its_checkout(ada, sandbox, conn, price, dsn):
    await lose_events(sandbox)
    subscription = await subscribe(ada, sandbox, price)
    await sandbox.ask("DELETE", "/_sandbox/book/events")
    payment = await conn.fetchval("SELECT id FROM payments WHERE user_id = $1", ada.id)
    async with conn.transaction():
        await conn.execute(
            "INSERT INTO payment_audit (payment_id, actor, action) VALUES ($1, 'test', 'event_applied')", payment
        )
        await conn.execute("UPDATE external_payments SET status = 'completed' WHERE payment_id = $1", payment)
    await reconcile(dsn, sandbox)
    assert (await copied(conn, ada, status="active"))["id"] == subscription


async def test_a_checkout_that_stripe_does_not_have_holds_up_no_other(ada, sandbox, conn, price, dsn):
    await lose_events(sandbox)
    for member in (ada, Member(ada.pod)):
        await subscribe(member, sandbox, price)
    await sandbox.ask("DELETE", "/_sandbox/book/events")
    async with conn.transaction():
        await conn.execute(
            "INSERT INTO payment_audit (payment_id, actor, action) SELECT id, 'test', 'event_applied' FROM payments"
        )
        await conn.execute("UPDATE external_payments SET status = 'completed'")
        await conn.execute(
            "UPDATE external_payments SET provider_id = 'cs_gone' "
            "WHERE payment_id = (SELECT id FROM payments ORDER BY id LIMIT 1)"
        )
    await reconcile(dsn, sandbox)
    assert await conn.fetchval("SELECT count(*) FROM subscriptions") == 1


async def test_a_plan_of_a_customer_that_was_lost_still_counts_and_ends_with_the_user(ada, sandbox, conn, price):
    """As after a restored backup: the subscription is found again, and the customer that pays for it is not."""
    subscription = await subscribe(ada, sandbox, price)
    row = await copied(conn, ada, status="active")
    await conn.execute("DELETE FROM customers")
    status, answer = await ada.call("POST", "/api/v1/checkout-sessions", {"priceId": price})
    assert (status, answer["code"]) == (409, "already_subscribed")
    status, answer = await ada.pod.call("DELETE", f"/admin/users/{ada.id}", headers=ADMIN)
    assert (status, answer["data"]["finished"]) == (200, True)
    assert (await sandbox.stripe(f"customers/{row['customer_id']}"))["deleted"]
    assert (await sandbox.stripe(f"subscriptions/{subscription}"))["status"] == "canceled"


async def test_a_paid_invoice_without_a_payment_is_named(ada, sandbox, conn, price, dsn, caplog):
    subscription = await subscribe(ada, sandbox, price)
    await copied(conn, ada, status="active")
    await conn.execute(
        "UPDATE subscriptions SET paid_invoice = 'in_lost', paid_invoice_at = now() - interval '3 hours'"
    )
    summary = await reconcile(dsn, sandbox)
    assert summary.subscriptions_without_invoice == 1
    assert f"the subscription {subscription} has no payment for its invoice" in summary.reasons
    assert "its paid invoice in_lost" in caplog.text


async def test_two_running_plans_of_a_family_are_named(ada, sandbox, conn, price, dsn):
    await subscribe(ada, sandbox, price)
    row = await copied(conn, ada, status="active")
    await conn.execute(
        'INSERT INTO subscriptions SELECT (jsonb_populate_record(s, \'{"id": "sub_second"}\')).* FROM subscriptions s'
    )
    summary = await reconcile(dsn, sandbox)
    assert summary.subscriptions_doubled == 1
    assert f"user {ada.id} has more than one running subscription for credits" in summary.reasons
    assert (await ada.call("GET", PLAN_PATH))[1]["data"]["priceId"] == row["price_id"]


async def test_an_earlier_answer_does_not_replace_a_later_one(ada, sandbox, conn, price, database):
    """Two pods ask about one subscription, and the answer to the first question is stored last."""
    await lose_events(sandbox)
    subscription = await subscribe(ada, sandbox, price)
    copies = Copies(database, ada.pod.pod.providers.stripe.subscriptions, FAMILIES)
    first = await copies.ask(subscription)
    await press(sandbox, subscription, "cancel_later")
    second = await copies.ask(subscription)
    for answer in (second, first):
        async with database.transaction() as changed:
            await copies.keep(changed, answer, actor="stripe")
    assert (await copied(conn, ada))["cancel_at_period_end"] is True
