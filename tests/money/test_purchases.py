"""Members pay for designs and courses by PaymentIntents: one payment at a time, and access by events only."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from support.buying import (
    COURSE,
    DESIGN,
    PAYMENTS,
    PURCHASES,
    Buyer,
    add_product,
    change_product,
    entitlements,
    history,
)
from support.members import pod_for_members
from support.money import all_processed, becomes, ledger, status_of
from support.pods import ADMIN
from support.purchases import post, refund


@pytest.fixture
async def pod(dsn, sandbox):
    async with pod_for_members(dsn, sandbox) as running:
        yield running


@pytest.fixture
async def ada(pod):
    return Buyer(pod)


@pytest.fixture
async def design(pod):
    return await add_product(pod, DESIGN)


async def buy(sandbox, buyer, product, kind="design"):
    """Pay, and wait for the access."""
    begun = await buyer.begin(product, kind)
    await sandbox.act_on_intent(begun["intent"], "pay")
    await buyer.gets(product, "owned")
    return begun


async def test_a_design_is_bought_by_an_intent_of_the_users_customer(ada, sandbox, conn, design):
    begun = await ada.begin(design)
    assert (begun["amount"], begun["currency"], begun["publishableKey"]) == (12.5, "USD", "pk_test_sandbox")
    intent = await sandbox.stripe(f"payment_intents/{begun['intent']}")
    customer = await conn.fetchval("SELECT customer_id FROM customers WHERE user_id = $1", ada.id)
    assert (intent["amount"], intent["currency"], intent["customer"]) == (1250, "usd", customer)
    assert intent["automatic_payment_methods"]["enabled"]
    assert intent["metadata"] == {
        "userId": str(ada.id), "payment_id": begun["paymentId"], "source": "purchase", "purpose": "purchase",
        "installation": str(await conn.fetchval("SELECT id FROM installation")), "hingecraft_product": design,
        "hingecraft_checkout": "payment_intent",
    }  # fmt: skip
    assert await ada.access(design) == "not_bought"
    await sandbox.act_on_intent(begun["intent"], "pay")
    await ada.gets(design, "owned")
    _, answer = await ada.call("GET", f"{PAYMENTS}/{begun['paymentId']}")
    (purchase,) = await ada.purchases()
    assert answer["data"] == {
        "id": begun["paymentId"], "status": "completed", "productId": design, "productType": "design", "amount": 12.5,
        "currency": "USD", "purchaseId": purchase["id"],
    }  # fmt: skip
    assert purchase == {
        "id": purchase["id"], "productType": "design", "product": {"id": design, "name": "Brass hinge"},
        "amount": 12.5, "currency": "USD", "status": "active", "startsAt": purchase["startsAt"],
        "downloads": {"used": 0, "limit": 3},
    }  # fmt: skip
    assert await ledger(conn, begun["paymentId"]) == [("charge", 12.5, "USD", 12.5)]
    assert await history(conn, begun["paymentId"]) == [
        "payment_opened", "checkout_opened", "event_applied", "access_granted",
    ]  # fmt: skip
    assert await conn.fetchval("SELECT count(*) FROM settlement_totals") == 0
    secrets = "SELECT count(*) FROM payment_audit WHERE details::text LIKE '%_secret_%'"
    assert await conn.fetchval(secrets) == 0


async def test_the_secret_by_which_a_browser_pays_is_stored_nowhere(ada, sandbox, conn, design):
    """Stripe's events carry it."""
    begun = await buy(sandbox, ada, design)
    await all_processed(conn)
    secret = begun["clientSecret"]
    assert secret
    assert secret in str(await sandbox.stripe("events?limit=100"))
    tables = "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'public'"
    for table in await conn.fetch(tables):
        found = f"SELECT count(*) FROM {table['name']} AS t WHERE strpos(t::text, $1) + strpos(t::text, $2) > 0"
        assert await conn.fetchval(found, secret, secret.encode().hex()) == 0, table["name"]


async def test_a_repeat_gives_the_same_payment_and_a_new_price_another(ada, pod, sandbox, conn, design):
    first = await ada.begin(design)
    assert await ada.begin(design, status=200) == first
    await change_product(pod, design, discountedPrice=9)
    second = await ada.begin(design)
    assert second["amount"] == 9
    assert await status_of(conn, first["paymentId"]) == "expired"
    assert (await sandbox.stripe(f"payment_intents/{first['intent']}"))["status"] == "canceled"
    assert await ada.begin(design, status=200) == second


@pytest.mark.usefixtures("patient")
async def test_ten_requests_at_once_begin_one_payment(ada, conn, sandbox, design):
    body = {"productType": "design", "productId": design}
    answers = await asyncio.gather(*(ada.call("POST", PAYMENTS, body) for _ in range(10)))
    assert {status for status, _ in answers} <= {200, 201}
    assert len({answer["data"]["clientSecret"] for _, answer in answers}) == 1
    assert await conn.fetchval("SELECT count(*) FROM payments") == 1


async def test_what_is_not_sold_or_owned_already_is_rejected(ada, pod, sandbox, design):
    course = await add_product(pod, COURSE, active=False)
    assert await ada.rejected(course, "course") == (409, "product_inactive")
    assert await ada.rejected(course) == (404, "unknown_product")
    assert await ada.rejected(str(uuid4())) == (404, "unknown_product")
    assert await ada.rejected("hinge") == (404, "unknown_product")
    await buy(sandbox, ada, design)
    assert await ada.rejected(design) == (409, "already_owned")
    await Buyer(pod).begin(design)


async def test_a_client_decides_neither_amount_nor_user_nor_status(ada, conn, design):
    body = {"productType": "design", "productId": design}
    for wrong in ({"amount": 1}, {"userId": str(uuid4())}, {"status": "completed"}, {"price": 1}, {"currency": "EUR"}):
        status, answer = await ada.call("POST", PAYMENTS, {**body, **wrong})
        assert (status, list(answer["fields"])) == (400, list(wrong))
    assert await conn.fetchval("SELECT count(*) FROM payments") == 0


async def test_payments_and_purchases_of_another_user_are_forbidden_and_admins_see_all(ada, pod, sandbox, design):
    begun = await buy(sandbox, ada, design)
    (purchase,) = await ada.purchases()
    paths = [f"{PAYMENTS}/{begun['paymentId']}", f"{PURCHASES}/{purchase['id']}"]
    ben = Buyer(pod)
    assert await ben.purchases() == []
    for path in paths:
        assert (await ada.call("GET", path))[0] == 200
        assert (await pod.call("GET", path, headers=ADMIN))[0] == 200
        assert (await ben.call("GET", path))[1]["code"] == "not_authorized"
    assert (await ben.call("POST", f"{paths[0]}/cancel"))[1]["code"] == "not_authorized"
    _, answer = await pod.call("GET", PURCHASES, headers=ADMIN)
    assert [each["id"] for each in answer["data"]["items"]] == [purchase["id"]]
    for path in (f"{PAYMENTS}/{uuid4()}", f"{PAYMENTS}/x"):
        assert (await ada.call("GET", path))[1]["code"] == "unknown_payment"
    assert (await ada.call("GET", f"{PURCHASES}/x"))[1]["code"] == "unknown_purchase"
    # The public call knows no payment of a user.
    assert (await pod.call("GET", f"/payments/{begun['paymentId']}"))[0] == 404


async def test_a_payment_is_cancelled_while_it_is_not_paid(ada, sandbox, conn, design):
    begun = await ada.begin(design)
    status, answer = await ada.call("POST", f"{PAYMENTS}/{begun['paymentId']}/cancel")
    assert (status, answer["data"]["status"]) == (200, "expired")
    assert (await sandbox.stripe(f"payment_intents/{begun['intent']}"))["status"] == "canceled"
    status, answer = await ada.call("POST", f"{PAYMENTS}/{begun['paymentId']}/cancel")
    assert (status, answer["code"]) == (409, "not_pending")
    assert (await buy(sandbox, ada, design))["paymentId"] != begun["paymentId"]


async def test_a_payment_that_has_just_been_paid_is_not_cancelled(ada, sandbox, conn, design):
    await sandbox.tells("http://127.0.0.1:9")
    begun = await ada.begin(design)
    await sandbox.act_on_intent(begun["intent"], "pay")
    status, answer = await ada.call("POST", f"{PAYMENTS}/{begun['paymentId']}/cancel")
    assert (status, answer["code"]) == (409, "not_pending")
    assert await ada.rejected(design) == (409, "already_owned")
    assert await status_of(conn, begun["paymentId"]) == "pending"


async def test_a_declined_card_leaves_the_payment_open(ada, sandbox, conn, design):
    begun = await ada.begin(design)
    await sandbox.act_on_intent(begun["intent"], "fail")
    await all_processed(conn)
    assert await status_of(conn, begun["paymentId"]) == "pending"
    await sandbox.act_on_intent(begun["intent"], "pay")
    await ada.gets(design, "owned")


async def test_what_was_paid_is_honoured_when_the_product_is_switched_off_meanwhile(ada, pod, sandbox, design):
    begun = await ada.begin(design)
    await change_product(pod, design, active=False, price=99)
    assert await ada.rejected(design) == (409, "product_inactive")
    await sandbox.act_on_intent(begun["intent"], "pay")
    await ada.gets(design, "owned")
    assert (await ada.purchases())[0]["amount"] == 12.5


async def test_another_amount_than_asked_for_is_an_error_and_gives_no_access(ada, sandbox, conn, design):
    begun = await ada.begin(design)
    await sandbox.change("payment_intents", begun["intent"], amount=100)
    await sandbox.act_on_intent(begun["intent"], "pay")
    await becomes(conn, begun["paymentId"], "error")
    assert await ledger(conn, begun["paymentId"]) == [("charge", 1, "USD", 1)]
    assert await ada.access(design) == "not_bought"


async def test_a_full_refund_ends_access_and_keeps_the_history(ada, sandbox, conn, design):
    begun = await buy(sandbox, ada, design)
    await refund(sandbox, begun["intent"], 250)
    await becomes(conn, begun["paymentId"], "partially_refunded")
    assert await ada.access(design) == "owned"
    await refund(sandbox, begun["intent"])
    await ada.gets(design, "refunded")
    (purchase,) = await ada.purchases()
    assert purchase["status"] == "refunded"
    (row,) = await entitlements(conn, ada.id)
    assert row["revoked_because"] == "refunded"
    # It can be bought again.
    await buy(sandbox, ada, design)
    assert [each["status"] for each in await ada.purchases()] == ["active", "refunded"]


async def test_access_to_a_course_ends_with_its_period(ada, pod, sandbox, conn):
    course = await add_product(pod, COURSE, period={"unit": "month", "count": 1})
    await buy(sandbox, ada, course, "course")
    (row,) = await entitlements(conn, ada.id)
    assert 28 <= (row["ends_at"] - row["starts_at"]).days <= 31
    assert abs((datetime.now(UTC) - row["starts_at"]).total_seconds()) < 600
    await conn.execute("UPDATE entitlements SET starts_at = now() - interval '32 days', ends_at = now()")
    await conn.execute("UPDATE purchases SET ends_at = now()")
    assert await ada.access(course) == "expired"
    assert [each["status"] for each in await ada.purchases()] == ["expired"]
    await buy(sandbox, ada, course, "course")


async def test_the_same_key_gets_the_same_answer(ada, conn, design):
    key = {"Idempotency-Key": "a-key-of-sixteen-or-more"}
    first = await ada.begin(design, **key)
    assert await ada.begin(design, **key) == first
    assert await conn.fetchval("SELECT count(*) FROM payments") == 1


async def test_an_intent_that_somebody_else_made_gives_nobody_access(ada, sandbox, conn, design):
    begun = await ada.begin(design)
    intent = await sandbox.stripe(f"payment_intents/{begun['intent']}")
    forged = {f"metadata[{name}]": value for name, value in intent["metadata"].items()}
    made = await post(sandbox, "payment_intents", amount="50", currency="usd", **forged,
                      **{"automatic_payment_methods[enabled]": "true"})  # fmt: skip
    await sandbox.act_on_intent(made["id"], "pay")
    await all_processed(conn)
    assert await status_of(conn, begun["paymentId"]) == "pending"
    assert await ada.access(design) == "not_bought"
