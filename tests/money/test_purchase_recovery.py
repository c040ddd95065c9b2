"""A purchase that a dead process, a lost answer or a restored backup left unfinished is finished, and paid once."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from decimal import Decimal

import pytest

from hingecraft.inbox import store as inbox
from hingecraft.payments.unassigned import ONE_AT_A_TIME
from hingecraft.providers.stripe import webhook
from support.buying import ALL_DESIGNS, DESIGN, PAYMENTS, Buyer, add_product, change_product
from support.lock_waits import until_waiting
from support.money import ledger, status_of
from support.pods import ADMIN, running_pod
from support.purchases import post
from support.subscribing import reconcile
from support.tokens import SETTINGS

CHECKOUT = "SELECT provider_id FROM external_payments WHERE payment_id = $1::uuid AND kind = 'single'"
AGES = """
UPDATE external_payments SET created_at = created_at - $1::interval, expires_at = expires_at - $1::interval,
    next_check_at = now()
"""
# As Stripe's answer that never came, a day ago.
UNANSWERED = (
    "SET session_replication_role = replica", "UPDATE payments SET status = 'unknown', provider_id = NULL",
    "UPDATE external_payments SET status = 'unknown', provider_id = NULL", "RESET session_replication_role",
)  # fmt: skip
LOSE = (
    "SET session_replication_role = replica", "DELETE FROM entitlements", "DELETE FROM purchases",
    "DELETE FROM settlements", "DELETE FROM external_payments", "DELETE FROM payments", "DELETE FROM subscriptions",
    "DELETE FROM provider_events", "RESET session_replication_role",
)  # fmt: skip
KINDS = ("design", "subscription")
FREE = "SELECT true FROM external_payments WHERE payment_id = $1::uuid FOR UPDATE SKIP LOCKED"
EUROS = {"price": 8, "currency": "EUR"}


@pytest.fixture
async def pod(dsn, sandbox):
    """A pod that works on events when it is told to, and a sandbox that sends none."""
    await sandbox.ask("DELETE", "/_sandbox/book")
    await sandbox.tells("http://127.0.0.1:9")
    async with running_pod(dsn, background=False, **sandbox.settings, **SETTINGS) as running:
        yield running
    await sandbox.ask("DELETE", "/_sandbox/book")


@pytest.fixture
async def ada(pod):
    return Buyer(pod)


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
async def product(pod, kind):
    return await add_product(pod, DESIGN if kind == "design" else ALL_DESIGNS)


async def ended_at_stripe(sandbox, conn, begun, kind):
    """The steps of a process before it dies: the member can no longer pay."""
    checkout = await conn.fetchval(CHECKOUT, begun["paymentId"])
    if kind == "design":
        await post(sandbox, f"payment_intents/{checkout}/cancel")
        return
    subscription = await sandbox.stripe(f"subscriptions/{checkout}")
    await post(sandbox, f"invoices/{subscription['latest_invoice']}/void")


async def statuses(sandbox, kind):
    path = "payment_intents?limit=100" if kind == "design" else "subscriptions?limit=100&status=all"
    return sorted(each["status"] for each in (await sandbox.stripe(path))["data"])


async def test_the_next_call_finishes_what_was_ended_at_stripe_only(ada, sandbox, conn, product, kind):
    begun = await ada.begin(product, kind)
    await ended_at_stripe(sandbox, conn, begun, kind)
    again = await ada.begin(product, kind)
    assert again["paymentId"] != begun["paymentId"]
    assert await status_of(conn, begun["paymentId"]) == "expired"
    ended, opened = (
        ("canceled", "requires_payment_method") if kind == "design" else ("incomplete_expired", "incomplete")
    )
    assert await statuses(sandbox, kind) == sorted([ended, opened])


async def test_cancelling_finishes_it_too(ada, sandbox, conn, product, kind):
    begun = await ada.begin(product, kind)
    await ended_at_stripe(sandbox, conn, begun, kind)
    status, answer = await ada.call("POST", f"{PAYMENTS}/{begun['paymentId']}/cancel")
    assert (status, answer["data"]["status"]) == (200, "expired")


async def test_so_does_the_reconciliation(ada, sandbox, conn, dsn, product, kind):
    begun = await ada.begin(product, kind)
    await ended_at_stripe(sandbox, conn, begun, kind)
    await conn.execute(AGES, timedelta(0))
    await reconcile(dsn, sandbox, every_checkout=True)
    assert await status_of(conn, begun["paymentId"]) == "expired"
    assert await statuses(sandbox, "design") == ["canceled"]
    # An incomplete subscription would keep its customer from another currency.
    assert kind == "design" or await statuses(sandbox, kind) == ["incomplete_expired"]


async def test_the_reconciliation_ends_a_subscription_whose_payment_was_expired_by_an_event(
    ada, pod, sandbox, conn, dsn
):
    product = await add_product(pod, ALL_DESIGNS)
    begun = await ada.begin(product, "subscription")
    await ended_at_stripe(sandbox, conn, begun, "subscription")
    for event in (await sandbox.stripe("events?limit=100"))["data"]:
        await inbox.store(conn, [webhook.event_of(json.dumps(event).encode())])
    await pod.pod.worker.drain()
    assert await status_of(conn, begun["paymentId"]) == "expired"
    assert await statuses(sandbox, "subscription") == ["incomplete"]
    await reconcile(dsn, sandbox, every_checkout=True)
    assert await statuses(sandbox, "subscription") == ["incomplete_expired"]
    assert await conn.fetchval("SELECT status FROM subscriptions") == "incomplete_expired"


async def test_one_reconciliation_finds_a_first_invoice_and_copies_its_subscription(ada, pod, sandbox, conn, dsn):
    product = await add_product(pod, ALL_DESIGNS)
    begun = await ada.begin(product, "subscription")
    await sandbox.act_on_intent(begun["intent"], "pay")
    # Nothing of it is among the events.
    await sandbox.ask("DELETE", "/_sandbox/book/events")
    await conn.execute(AGES, timedelta(0))
    await reconcile(dsn, sandbox, every_checkout=True)
    assert await ada.access(product) == "subscribed"
    assert await conn.fetchval("SELECT status FROM subscriptions") == "active"


async def test_the_reconciliation_holds_no_row_while_it_waits_for_a_first_invoice(ada, pod, sandbox, conn, dsn):
    """An event of the invoice has these locks first and the rows after them: both would wait for each other."""
    begun = await ada.begin(await add_product(pod, ALL_DESIGNS), "subscription")
    await sandbox.act_on_intent(begun["intent"], "pay")
    await sandbox.ask("DELETE", "/_sandbox/book/events")
    await conn.execute(AGES, timedelta(0))
    async with conn.transaction():
        await conn.execute(ONE_AT_A_TIME, f"stripe:{begun['paymentId']}")
        running = asyncio.create_task(reconcile(dsn, sandbox, every_checkout=True))
        await until_waiting(conn)
        assert await conn.fetchval(FREE, begun["paymentId"])
    await running
    assert await status_of(conn, begun["paymentId"]) == "completed"


async def test_a_creation_that_was_never_answered_is_found_after_stripe_has_forgotten_its_key(
    ada, sandbox, conn, dsn, product, kind
):
    begun = await ada.begin(product, kind)
    for statement in UNANSWERED:
        await conn.execute(statement)
    await conn.execute(AGES, timedelta(hours=23))
    # The sandbox made it just now, and not when our row says.
    folder = "payment_intents" if kind == "design" else "subscriptions"
    made = (await sandbox.stripe(f"{folder}?limit=100"))["data"]
    for each in made:
        await sandbox.change(folder, each["id"], created=each["created"] - 23 * 3600)
    assert (await ada.rejected(product, kind))[0] == 502
    await reconcile(dsn, sandbox, every_checkout=True)
    assert await ada.begin(product, kind, status=200) == begun
    assert len(await statuses(sandbox, kind)) == 1
    await sandbox.act_on_intent(begun["intent"], "pay")
    await conn.execute(AGES, timedelta(0))
    await reconcile(dsn, sandbox, every_checkout=True)
    assert await status_of(conn, begun["paymentId"]) == "completed"
    assert len(await ledger(conn, begun["paymentId"])) == 1


async def test_the_repeat_of_a_call_that_was_never_answered_gets_what_it_made(ada, sandbox, conn, product, kind):
    """The answer is lost as often as it is asked for, and the member asks again."""
    path = "/v1/payment_intents" if kind == "design" else "/v1/subscriptions"
    await sandbox.fault("status_after", path=path, method="POST", status=500, times=4)
    assert (await ada.rejected(product, kind))[1] == "provider_unavailable"
    begun = await ada.begin(product, kind, status=200)
    assert len(await statuses(sandbox, kind)) == 1
    assert await conn.fetchval("SELECT count(*) FROM payments") == 1
    await sandbox.act_on_intent(begun["intent"], "pay")


async def test_a_running_subscription_that_a_restored_backup_has_lost_is_not_sold_again(ada, pod, sandbox, conn):
    product = await add_product(pod, ALL_DESIGNS)
    begun = await ada.begin(product, "subscription")
    await sandbox.act_on_intent(begun["intent"], "pay")
    await lose_everything(conn)
    assert await ada.rejected(product, "subscription") == (409, "already_owned")
    assert await statuses(sandbox, "subscription") == ["active"]


async def test_an_unpaid_one_that_it_has_lost_cannot_be_paid_beside_the_next(ada, pod, sandbox, conn):
    product, other = await add_product(pod, ALL_DESIGNS), await add_product(pod, ALL_DESIGNS)
    await ada.begin(product, "subscription")
    await ada.begin(other, "subscription")
    await lose_everything(conn)
    await ada.begin(product, "subscription")
    assert await statuses(sandbox, "subscription") == ["incomplete", "incomplete", "incomplete_expired"]


async def lose_everything(conn):
    for statement in LOSE:
        await conn.execute(statement)


async def test_a_paid_design_that_a_restored_backup_has_lost_is_booked_and_not_sold_again(ada, pod, sandbox, conn):
    product, other = await add_product(pod, DESIGN), await add_product(pod, DESIGN)
    begun = await ada.begin(product)
    await sandbox.act_on_intent(begun["intent"], "pay")
    await lose_everything(conn)
    assert await ada.rejected(product) == (409, "already_owned")
    assert await ada.access(product) == "owned"
    assert await status_of(conn, begun["paymentId"]) == "completed"
    assert await ledger(conn, begun["paymentId"]) == [("charge", Decimal("12.5"), "USD", Decimal("12.5"))]
    await ada.begin(other)
    assert await statuses(sandbox, "design") == ["requires_payment_method", "succeeded"]


async def test_a_lost_payment_that_can_still_be_paid_ends_before_the_next_begins(ada, pod, sandbox, conn):
    product, other = await add_product(pod, DESIGN), await add_product(pod, DESIGN)
    await ada.begin(product)
    await ada.begin(other)
    await lose_everything(conn)
    await ada.begin(product)
    assert await statuses(sandbox, "design") == ["canceled", "requires_payment_method", "requires_payment_method"]


async def test_a_lost_bank_debit_that_is_on_its_way_is_waited_for(ada, pod, sandbox, conn, dsn):
    product = await add_product(pod, DESIGN)
    begun = await ada.begin(product)
    await sandbox.act_on_intent(begun["intent"], "pay_later")
    await lose_everything(conn)
    again = await ada.begin(product, status=200)
    assert again == begun
    # It fails, and nobody pays in another way: the reconciliation ends it after a day, as it does with any other.
    await sandbox.act_on_intent(begun["intent"], "bounce")
    await conn.execute(AGES, timedelta(hours=25))
    await reconcile(dsn, sandbox, every_checkout=True)
    assert await status_of(conn, begun["paymentId"]) == "expired"
    assert await statuses(sandbox, "design") == ["canceled"]


@pytest.mark.parametrize("goes_back", ["refund", "dispute"])
async def test_a_lost_payment_whose_money_went_back_does_not_prevent_another(ada, pod, sandbox, conn, goes_back):
    product = await add_product(pod, DESIGN)
    begun = await ada.begin(product)
    await sandbox.act_on_intent(begun["intent"], "pay")
    await sandbox.act_on_intent(begun["intent"], goes_back)
    await lose_everything(conn)
    assert (await ada.begin(product))["paymentId"] != begun["paymentId"]


async def test_a_subscription_in_another_currency_is_rejected_with_what_to_do(ada, pod, sandbox, conn):
    dollars, euros = await add_product(pod, ALL_DESIGNS), await add_product(pod, ALL_DESIGNS, **EUROS)
    await ada.begin(dollars, "subscription")
    status, answer = await ada.call("POST", PAYMENTS, {"productType": "subscription", "productId": euros})
    assert (status, answer["code"]) == (409, "another_currency")
    assert "cancel" in answer["error"]
    payment = await conn.fetchval("SELECT status FROM payments ORDER BY created_at DESC LIMIT 1")
    assert payment == "failed"
    # A one-time payment may be in any currency.
    await ada.begin(await add_product(pod, DESIGN, **EUROS))


async def test_the_open_subscription_of_a_product_whose_currency_has_changed_gives_way(ada, pod, sandbox, conn):
    product = await add_product(pod, ALL_DESIGNS)
    first = await ada.begin(product, "subscription")
    await change_product(pod, product, **EUROS)
    second = await ada.begin(product, "subscription")
    assert (second["amount"], second["currency"]) == (8, "EUR")
    assert await status_of(conn, first["paymentId"]) == "expired"


async def test_access_begins_at_once_where_stripes_clock_is_ahead(ada, pod, sandbox, conn):
    product = await add_product(pod, DESIGN)
    begun = await ada.begin(product)
    await sandbox.act_on_intent(begun["intent"], "pay")
    (event,) = (await sandbox.stripe("events?limit=1&type=payment_intent.succeeded"))["data"]
    event["created"] += 60
    await inbox.store(conn, [webhook.event_of(json.dumps(event).encode())])
    await pod.pod.worker.drain()
    assert await ada.access(product) == "owned"


async def test_any_name_can_be_sold_at_stripe(ada, pod, sandbox, conn, kind):
    """And two names that differ at their end only are two names, also where the product is new at Stripe."""
    name = "鉸鏈“é”" + "铰" * 243 + '"'
    product = await add_product(pod, DESIGN if kind == "design" else ALL_DESIGNS, name=name)
    begun = await ada.begin(product, kind)
    if kind == "design":
        found = (await sandbox.stripe(f"payment_intents/{begun['intent']}"))["description"]
    else:
        found = (await sandbox.stripe(f"products/hc_{product}"))["name"]
    assert found == name
    await change_product(pod, product, name=name[:-1] + "'", price=7)
    assert (await ada.begin(product, kind))["amount"] == 7


async def test_a_new_name_reaches_stripe_with_the_next_subscription_or_reconciliation(ada, pod, sandbox, conn, dsn):
    product = await add_product(pod, ALL_DESIGNS)
    await ada.begin(product, "subscription")
    await change_product(pod, product, name="Every design")
    await Buyer(pod).begin(product, "subscription")
    assert (await sandbox.stripe(f"products/hc_{product}"))["name"] == "Every design"
    await change_product(pod, product, name="All of them")
    await reconcile(dsn, sandbox, every_checkout=True)
    assert (await sandbox.stripe(f"products/hc_{product}"))["name"] == "All of them"


async def test_a_name_without_a_character_is_rejected(pod):
    status, answer = await pod.call("POST", "/admin/products", json={**DESIGN, "name": "  "}, headers=ADMIN)
    assert (status, list(answer["fields"])) == (400, ["name"])
