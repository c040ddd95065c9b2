"""Plans: each paid invoice has one payment, and grants what its lines say."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from hingecraft.credits.prices.steps import prices_steps
from hingecraft.credits.unknown_prices import retry_known
from hingecraft.steps import Options
from support.credits import balance_of
from support.limits import PROGRESS
from support.members import PLAN, Member, reconciled, sell
from support.money import all_processed, becomes, ledger, send_stripe, status_of, stripe_event
from support.plans import MONTH, RENEWALS, buy_plan, change_plan, invoices, pod_for_plans, renewals
from support.purchases import changes, customer_of, post, refund, rows
from support.reconciling import reconciler
from support.sandbox import STRIPE_KEY
from support.subscribing import press


@pytest.fixture
async def pod(dsn, sandbox):
    async with pod_for_plans(dsn, sandbox) as running:
        yield running


@pytest.fixture
async def prices(pod, sandbox, conn):
    return await sell(conn, sandbox, PLAN, "PRO_MONTHLY", "QUICK_SCAN")


@pytest.fixture
async def plan(ada, prices, sandbox, conn):
    """A plan whose first month is paid."""
    return await buy_plan(ada, sandbox, conn, prices[PLAN])


async def tell(pod, kind, subject):
    assert (await send_stripe(pod, stripe_event(kind, subject)))[0] == 200


async def test_the_first_invoice_is_the_checkouts_payment(ada, plan, sandbox, conn):
    (invoice,) = await invoices(sandbox)
    (row,) = await rows(conn, ada.id)
    assert (row["delta"], row["reason"], row["plan_type"]) == (*MONTH, "basic")
    assert row["ref"] == f"{invoice['id']}/{invoice['lines']['data'][0]['id']}"
    assert row["payment"] == plan["paymentId"]
    assert await ledger(conn, plan["paymentId"]) == [("charge", 9, "USD", 9)]
    assert await conn.fetchval("SELECT provider_ref FROM settlements") == row["stripe_payment_id"]
    checkouts = await conn.fetch("SELECT kind, provider_id, status FROM external_payments ORDER BY kind DESC")
    assert [tuple(each) for each in checkouts] == [
        ("single", plan["sessionId"], "completed"), ("invoice", invoice["id"], "completed"),
    ]  # fmt: skip


async def test_events_twice_late_and_in_any_order_grant_each_period_once(pod, ada, prices, sandbox, conn):
    await sandbox.tells(pod.public, times=3, shuffled=True)
    bought = await ada.buy(prices[PLAN])
    await sandbox.act(bought["sessionId"], "pay")
    await becomes(conn, bought["paymentId"], "completed")
    (subscription,) = (await sandbox.stripe("subscriptions"))["data"]
    for number in (1, 2):
        await press(sandbox, subscription["id"], "renew")
        await renewals(conn, number)
    assert await changes(conn, ada.id) == [MONTH] * 3
    paid = await conn.fetch("SELECT status, amount, purpose, user_id FROM payments")
    assert {tuple(each) for each in paid} == {("completed", Decimal(9), "credits", ada.id)}
    assert await conn.fetchval("SELECT count(*) FROM settlements") == 3


async def test_a_renewal_is_a_payment_of_its_own(ada, plan, sandbox, conn):
    await press(sandbox, plan["subscription"], "renew")
    (payment,) = await renewals(conn, 1)
    assert tuple(payment)[1:] == (Decimal(9), "completed", ada.id, "credits")
    assert await changes(conn, ada.id) == [MONTH, MONTH]
    assert (await rows(conn, ada.id))[1]["payment"] == payment["id"]


async def test_a_declined_renewal_grants_when_it_is_paid(ada, plan, sandbox, conn):
    await press(sandbox, plan["subscription"], "decline")
    await all_processed(conn)
    assert await changes(conn, ada.id) == [MONTH]
    await press(sandbox, plan["subscription"], "fix_card")
    await sandbox.ask("PUT", "/_sandbox/clock", json={"days": 3})
    await renewals(conn, 1)
    assert await changes(conn, ada.id) == [MONTH, MONTH]


async def test_the_invoice_is_enough_and_so_is_the_session(pod, ada, prices, sandbox, conn):
    """All other events are lost."""
    await sandbox.tells(pod.public, enabled=False)
    bought = await ada.buy(prices[PLAN])
    await sandbox.act(bought["sessionId"], "pay")
    await tell(pod, "invoice.payment_succeeded", (await invoices(sandbox))[0])
    await becomes(conn, bought["paymentId"], "completed")
    assert await changes(conn, ada.id) == [MONTH]
    bob = Member(pod, email="bob@example.com")
    bought = await bob.buy(prices[PLAN])
    await sandbox.act(bought["sessionId"], "pay")
    await tell(pod, "checkout.session.completed", await sandbox.stripe(f"checkout/sessions/{bought['sessionId']}"))
    await becomes(conn, bought["paymentId"], "completed")
    assert await changes(conn, bob.id) == [MONTH]


async def test_a_reconciliation_finds_a_plan_whose_events_were_lost(pod, dsn, ada, prices, sandbox, conn):
    await sandbox.tells(pod.public, enabled=False)
    bought = await ada.buy(prices[PLAN])
    await sandbox.act(bought["sessionId"], "pay")
    await sandbox.ask("DELETE", "/_sandbox/book/events")
    async with reconciler(dsn, **sandbox.settings) as each:
        for _ in range(2):
            assert (await each.run(Options(every_checkout=True))).errors == 0
    assert (await status_of(conn, bought["paymentId"]), await changes(conn, ada.id)) == ("completed", [MONTH])
    assert (await rows(conn, ada.id))[0]["stripe_event_id"] == (await invoices(sandbox))[0]["id"]


async def test_the_refund_of_one_period_takes_its_credits(ada, plan, sandbox, conn):
    await press(sandbox, plan["subscription"], "renew")
    (payment,) = await renewals(conn, 1)
    intent = (await rows(conn, ada.id))[1]["stripe_payment_id"]
    await refund(sandbox, intent)
    await becomes(conn, payment["id"], "refunded")
    assert await changes(conn, ada.id) == [MONTH, MONTH, (-100, "refund_basic_plan_monthly")]
    assert await status_of(conn, plan["paymentId"]) == "completed"


@pytest.mark.parametrize("kind", ["refund", "dispute"])
async def test_what_goes_back_before_its_payment_is_known_finds_the_invoice(pod, ada, plan, sandbox, conn, kind):
    await sandbox.tells(pod.public, enabled=False)
    await press(sandbox, plan["subscription"], "renew")
    (invoice, *_) = await invoices(sandbox)
    payments = await sandbox.stripe(f"invoice_payments?invoice={invoice['id']}")
    intent = payments["data"][0]["payment"]["payment_intent"]
    if kind == "refund":
        subject = await sandbox.stripe(f"refunds/{await refund(sandbox, intent, 450)}")
    else:
        await sandbox.ask("POST", f"/pay/stripe/invoice/{invoice['id']}/dispute", allow_redirects=False)
        (subject,) = (await sandbox.stripe("disputes"))["data"]
    event = "refund.created" if kind == "refund" else "charge.dispute.created"
    await tell(pod, event, subject)
    await renewals(conn, 1)
    taken = -50 if kind == "refund" else -100
    assert await changes(conn, ada.id) == [MONTH, MONTH, (taken, f"{kind}_basic_plan_monthly")]


async def test_an_upgrade_grants_the_difference_and_a_downgrade_takes_nothing(ada, plan, prices, sandbox, conn):
    assert (await ada.call("GET", "/api/v1/credits/packs"))[0] == 200, "amounts are read when they are first needed"
    await sandbox.ask("PUT", "/_sandbox/clock", json={"days": 13})
    await change_plan(sandbox, plan["subscription"], prices["PRO_MONTHLY"])
    await renewals(conn, 1)
    (invoice, *_) = await invoices(sandbox)
    amounts = {line["pricing"]["price_details"]["price"]: line["amount"] for line in invoice["lines"]["data"]}
    expected = (500 * amounts[prices["PRO_MONTHLY"]] / 2900 + 100 * amounts[prices[PLAN]] / 900) // 1
    assert 200 < expected < 250
    assert await changes(conn, ada.id) == [MONTH, (int(expected), "vision_pro_monthly")]
    assert (await rows(conn, ada.id))[1]["ref"] == f"{invoice['id']}/proration"
    await change_plan(sandbox, plan["subscription"], prices[PLAN])
    await all_processed(conn)
    assert len(await changes(conn, ada.id)) == 2
    assert len(await invoices(sandbox)) == 3
    await change_plan(sandbox, plan["subscription"], prices["PRO_MONTHLY"])
    (again, *_) = await invoices(sandbox)
    assert (again["status"], again["amount_due"]) == ("paid", 0), "it is paid from what the downgrade gave back"
    await all_processed(conn)
    assert len(await changes(conn, ada.id)) == 2, "no credits that were not paid for"


async def test_an_upgrade_from_a_price_that_was_archived_is_granted(ada, plan, prices, sandbox, conn, pod):
    assert (await ada.call("GET", "/api/v1/credits/packs"))[0] == 200, "amounts are read when they are first needed"
    await sandbox.change("prices", prices[PLAN], active=False)
    steps = prices_steps(pod.pod.database, pod.pod.providers.stripe)
    await reconciled(steps)
    assert await conn.fetchval("SELECT amount FROM credit_prices WHERE price_id = $1", prices[PLAN]) is None
    await change_plan(sandbox, plan["subscription"], prices["PRO_MONTHLY"])
    await renewals(conn, 1)
    assert len(await changes(conn, ada.id)) == 2


async def test_an_upgrade_waits_for_an_unknown_amount_is_counted_and_granted_when_it_is_read(
    pod, ada, plan, prices, sandbox, conn
):
    """Nobody has needed the amounts so far, and Stripe's prices were never read."""
    unread = "UPDATE credit_prices SET amount = NULL, currency = NULL, unit_amount = NULL, unit_currency = NULL"
    await conn.execute(unread)
    await change_plan(sandbox, plan["subscription"], prices["PRO_MONTHLY"])
    async with asyncio.timeout(PROGRESS):
        while not await retry_known(conn):
            await asyncio.sleep(0.05)
    error = await conn.fetchval("SELECT error FROM provider_events WHERE error LIKE 'unknown amount of %'")
    assert error.endswith(" in USD: the next reconciliation reads it")
    await conn.execute("UPDATE provider_events SET next_attempt_at = now() + interval '1 hour' WHERE error = $1", error)
    await conn.execute("UPDATE credit_prices SET unit_amount = 9, unit_currency = 'EUR'")
    assert await retry_known(conn) >= 1, "an amount in another currency does not help"
    await reconciled(prices_steps(pod.pod.database, pod.pod.providers.stripe))
    await renewals(conn, 1)
    assert len(await changes(conn, ada.id)) == 2
    assert await retry_known(conn) == 0


async def test_an_invoice_from_the_dashboard_with_more_lines_than_an_event_has(pod, ada, plan, prices, sandbox, conn):
    await sandbox.tells(pod.public, enabled=False)
    await press(sandbox, plan["subscription"], "renew")
    (invoice, *_) = await invoices(sandbox)
    (line,) = invoice["lines"]["data"]
    many = [{**line, "id": f"il_{number}", "quantity": 1 + number % 2} for number in range(25)]
    await sandbox.change("invoices_of_stripe", invoice["id"], lines=many)
    await tell(pod, "invoice.paid", {**invoice, "billing_reason": "manual"})
    await renewals(conn, 1)
    assert await balance_of(conn, ada.id) == 100 + 13 * 100 + 12 * 200
    assert await conn.fetchval("SELECT count(*) FROM credits_transactions") == 26


async def test_a_trial_has_no_payment_and_grants_nothing(ada, plan, prices, sandbox, conn):
    session = await post(
        sandbox, "checkout/sessions", mode="subscription", customer=await customer_of(conn, ada),
        success_url="https://www.example.com/",
        **{"line_items[0][price]": prices[PLAN], "line_items[0][quantity]": "1",
           "subscription_data[trial_period_days]": "7"},
    )  # fmt: skip
    await sandbox.act(session["id"], "pay")
    await all_processed(conn)
    assert await conn.fetch(RENEWALS) == []
    assert await changes(conn, ada.id) == [MONTH]
    await sandbox.ask("PUT", "/_sandbox/clock", json={"days": 7, "hours": 2})
    (payment,) = await renewals(conn, 1)
    assert payment["amount"] == 9
    assert await changes(conn, ada.id) == [MONTH, MONTH]


async def test_a_price_that_is_no_longer_sold_still_grants(ada, plan, sandbox, conn):
    await conn.execute("UPDATE credit_prices SET active = false WHERE code = $1", PLAN)
    await press(sandbox, plan["subscription"], "renew")
    await renewals(conn, 1)
    assert await changes(conn, ada.id) == [MONTH, MONTH]


async def test_the_invoice_of_a_stranger_is_ignored_without_a_question(pod, plan, sandbox, conn):
    (invoice,) = await invoices(sandbox)
    other = {**invoice, "id": "in_other", "customer": "cus_other", "parent": None}
    await tell(pod, "invoice.paid", other)
    await all_processed(conn)
    ignored = "SELECT ignored_because FROM provider_events WHERE type = 'invoice.paid' AND ignored_because IS NOT NULL"
    assert await conn.fetchval(ignored) == "nobody here has its customer"


async def test_a_deleted_users_renewal_is_recorded_and_grants_nothing(ada, plan, sandbox, conn):
    await conn.execute("INSERT INTO deleted_users (user_id) VALUES ($1)", ada.id)
    await press(sandbox, plan["subscription"], "renew")
    (payment,) = await renewals(conn, 1)
    assert len(await ledger(conn, payment["id"])) == 1
    assert await changes(conn, ada.id) == [MONTH]


async def test_of_two_events_about_an_invoice_only_one_asks_stripe(pod, ada, plan, sandbox, conn):
    """`invoice.payment_succeeded` waits for `invoice.paid`, also where it comes first."""
    await sandbox.tells(pod.public, enabled=False)
    await press(sandbox, plan["subscription"], "renew")
    (invoice, *_) = await invoices(sandbox)
    await tell(pod, "invoice.payment_succeeded", invoice)
    async with asyncio.timeout(PROGRESS):
        while not (waits := await conn.fetchval("SELECT error FROM provider_events WHERE processed_at IS NULL")):
            await asyncio.sleep(0.02)
    assert waits.startswith("waiting for the other event about it")
    calls = (await sandbox.ask("GET", "/_sandbox/switches"))["keys"][STRIPE_KEY]
    await tell(pod, "invoice.paid", invoice)
    while await changes(conn, ada.id) != [MONTH, MONTH]:
        await asyncio.sleep(0.02)
    await conn.execute("UPDATE provider_events SET next_attempt_at = now() WHERE processed_at IS NULL")
    await all_processed(conn)
    assert await changes(conn, ada.id) == [MONTH, MONTH]
    assert (await sandbox.ask("GET", "/_sandbox/switches"))["keys"][STRIPE_KEY] - calls == 1
