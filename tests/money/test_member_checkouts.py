"""Members buy packs and plans: sessions of Stripe for the user's own customer."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from support.discounts import enter_code, promotion_code
from support.members import CHECKOUT, PACK, PLAN, STRIPE, Member, pod_for_members, sell
from support.money import all_processed, becomes
from support.tokens import SETTINGS

PAYMENT = "SELECT status, purpose, user_id, amount, currency, livemode FROM payments WHERE id = $1::uuid"
APP = "https://app.example.com"


@pytest.fixture
async def pod(dsn, sandbox):
    async with pod_for_members(dsn, sandbox, return_origins=(APP,)) as running:
        yield running


@pytest.fixture
async def prices(conn, sandbox):
    return await sell(conn, sandbox, PACK, PLAN, "PRO_MONTHLY")


async def rejected(member, body, **headers):
    status, answer = await member.call("POST", CHECKOUT, body, **headers)
    return status, answer["code"]


async def state(member, bought):
    _, answer = await member.call("GET", f"{CHECKOUT}/{bought['sessionId']}")
    return answer["data"]["status"]


async def test_a_pack_is_sold_by_a_session_of_the_users_customer(ada, sandbox, conn, prices):
    bought = await ada.buy(prices[PACK], metadata={"campaign": "spring"})
    payment = await conn.fetchrow(PAYMENT, bought["paymentId"])
    assert tuple(payment) == ("pending", "credits", ada.id, 5, "USD", False)
    session = await sandbox.stripe(f"checkout/sessions/{bought['sessionId']}")
    customer = await conn.fetchrow("SELECT * FROM customers WHERE user_id = $1", ada.id)
    assert (session["mode"], session["customer"]) == ("payment", customer["customer_id"])
    assert session["client_reference_id"] == str(ada.id)
    assert session["allow_promotion_codes"]
    assert session["billing_address_collection"] == "auto"
    installation = str(await conn.fetchval("SELECT id FROM installation"))
    assert session["metadata"] == {
        "campaign": "spring", "userId": str(ada.id), "planType": "credits", "payment_id": bought["paymentId"],
        "installation": installation, "source": "credits", "purpose": "credits",
    }  # fmt: skip
    assert session["success_url"] == (
        "https://www.example.com/?success=true&session_id={CHECKOUT_SESSION_ID}&plan=credits"
    )
    assert session["cancel_url"] == "https://www.example.com/pricing?canceled=true&plan=credits"
    at_stripe = await sandbox.stripe(f"customers/{customer['customer_id']}")
    assert at_stripe["email"] == customer["email"] == "ada@example.com"
    assert at_stripe["metadata"] == {"userId": str(ada.id), "installation": installation}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"amount": 1}, "amount"), ({"userId": str(uuid4())}, "userId"), ({"status": "paid"}, "status"),
        ({"mode": "payment"}, "mode"), ({"quantity": 9}, "quantity"), ({"price": 1}, "price"),
        ({"priceId": ""}, "priceId"), ({"priceId": 7}, "priceId"), ({"planType": "vision_pro"}, "planType"),
        ({"metadata": {"userId": str(uuid4())}}, "metadata"), ({"metadata": {"planType": "basic"}}, "metadata"),
        ({"metadata": {"payment_id": str(uuid4())}}, "metadata"), ({"metadata": {"installation": "x"}}, "metadata"),
        ({"metadata": {"source": "x"}}, "metadata"), ({"metadata": {"purpose": "donation"}}, "metadata"),
        ({"metadata": {f"name{n}": "x" for n in range(51)}}, "metadata"),
        ({"metadata": {f"name{n}": "x" for n in range(45)}}, "metadata"),
        ({"metadata": {"n" * 41: "x"}}, "metadata"), ({"metadata": {"n": "x" * 501}}, "metadata"),
        ({"metadata": {"n": 1}}, "metadata.n"), ({"metadata": []}, "metadata"),
    ],
)  # fmt: skip
async def test_a_wrong_body_names_its_field_and_changes_nothing(ada, conn, prices, change, field):
    status, answer = await ada.call("POST", CHECKOUT, {"priceId": prices[PACK], **change})
    assert (status, list(answer["fields"])) == (400, [field])
    assert await conn.fetchval("SELECT count(*) FROM payments") == 0


async def test_as_much_metadata_as_stripe_takes_beside_ours(ada, sandbox, prices):
    bought = await ada.buy(prices[PACK], metadata={f"{'n' * 38}{n:02}": "x" * 500 for n in range(44)})
    assert len((await sandbox.stripe(f"checkout/sessions/{bought['sessionId']}"))["metadata"]) == 50


async def test_return_addresses_are_of_the_site_or_of_allowed_origins(ada, sandbox, conn, prices):
    back = {"successUrl": f"{APP}/thanks?s={{CHECKOUT_SESSION_ID}}", "cancelUrl": "https://www.example.com/no"}
    bought = await ada.buy(prices[PACK], **back)
    session = await sandbox.stripe(f"checkout/sessions/{bought['sessionId']}")
    assert (session["success_url"], session["cancel_url"]) == (back["successUrl"], back["cancelUrl"])
    for field in ("successUrl", "cancelUrl"):
        for address in ("https://user@app.example.com/", "http://app.example.com/", f"{APP}.evil.example/"):
            body = {"priceId": prices[PACK], field: address}
            assert await rejected(ada, body) == (400, "return_not_allowed")
    assert await conn.fetchval("SELECT count(*) FROM payments") == 1


async def test_the_origin_header_decides_nothing(ada, sandbox, prices):
    """A browser keeps the answer from a page of another origin; here it must not decide where the member returns to."""
    status, answer = await ada.call("POST", CHECKOUT, {"priceId": prices[PACK]}, Origin="https://evil.example")
    assert status == 201
    session = await sandbox.stripe(f"checkout/sessions/{answer['data']['sessionId']}")
    assert session["success_url"].startswith("https://www.example.com/?")
    assert session["cancel_url"].startswith("https://www.example.com/pricing?")


async def test_only_users_buy(pod, ada, prices):
    status, answer = await pod.call("POST", CHECKOUT, json={"priceId": prices[PACK]})
    assert (status, answer["code"]) == (401, "missing_token")
    admin = {"Authorization": f"Bearer {SETTINGS['service_token']}"}
    status, answer = await pod.call("POST", CHECKOUT, json={"priceId": prices[PACK]}, headers=admin)
    assert (status, answer["code"]) == (403, "role_not_allowed")


async def test_a_session_is_shown_to_its_owner_only(pod, ada, sandbox, conn, prices):
    bought = await ada.buy(prices[PACK])
    path = f"{CHECKOUT}/{bought['sessionId']}"
    assert (await ada.call("GET", path))[1]["data"] == {
        "sessionId": bought["sessionId"], "status": "open", "planType": "credits", "credits": 50,
    }  # fmt: skip
    status, answer = await Member(pod).call("GET", path)
    assert (status, answer["code"]) == (403, "not_authorized")
    status, answer = await ada.call("GET", f"{CHECKOUT}/cs_test_unknown")
    assert (status, answer["code"]) == (404, "unknown_session")


async def test_nobody_else_sees_a_members_payment(pod, ada, sandbox, conn, prices):
    """GET /payments/{id} knows donations only, and members' money counts in no public total."""
    bought = await ada.buy(prices[PACK])
    await sandbox.act(bought["sessionId"], "pay")
    await becomes(conn, bought["paymentId"], "completed")
    for name in (bought["paymentId"], bought["sessionId"]):
        status, answer = await pod.call("GET", f"/payments/{name}", headers=ada.headers)
        assert (status, answer["code"]) == (404, "unknown_payment")
    assert (await pod.call("GET", "/charter/total"))[1]["data"]["total"] == 0
    assert await conn.fetchval("SELECT count(*) FROM outbox WHERE type LIKE 'payment%'") == 0


async def test_with_another_accounts_key_nothing_is_sold_and_no_customer_is_replaced(ada, sandbox, conn, prices):
    await ada.buy(prices[PACK])
    await sandbox.ask("PUT", "/_sandbox/accounts", json={sandbox.settings["stripe_secret"]: "acct_other"})
    status, answer = await ada.call("POST", CHECKOUT, {"priceId": prices[PACK]})
    assert (status, answer["code"]) == (502, "provider_unavailable")
    assert await conn.fetchval("SELECT count(*) FROM customers") == 1
    assert await conn.fetchval("SELECT deleted_at FROM customers") is None
    statuses = await conn.fetch("SELECT status FROM payments ORDER BY created_at")
    assert [row[0] for row in statuses] == ["pending", "failed"]


async def test_a_key_repeats_the_checkout_and_belongs_to_one_user(pod, ada, conn, prices):
    key, body = {"Idempotency-Key": "a-key-of-a-member"}, {"priceId": prices[PACK]}
    first = await ada.call("POST", CHECKOUT, body, **key)
    assert await ada.call("POST", CHECKOUT, body, **key) == first
    other = await Member(pod).call("POST", CHECKOUT, body, **key)
    assert other[1]["data"]["sessionId"] != first[1]["data"]["sessionId"]
    assert await conn.fetchval("SELECT count(*) FROM payments") == 2


async def test_a_session_whose_answer_was_lost_is_made_once(ada, sandbox, conn, prices):
    key, body = {"Idempotency-Key": "a-key-of-a-member"}, {"priceId": prices[PACK]}
    await sandbox.fault("status_after", path="checkout/sessions", method="POST", times=9, status=500)
    status, answer = await ada.call("POST", CHECKOUT, body, **key)
    assert (status, answer["code"]) == (502, "provider_unavailable")
    await sandbox.ask("DELETE", "/_sandbox/faults")
    status, answer = await ada.call("POST", CHECKOUT, body, **key)
    assert status == 201
    sessions = (await sandbox.stripe("checkout/sessions?limit=100"))["data"]
    mine = [each["id"] for each in sessions if each["client_reference_id"] == str(ada.id)]
    assert mine == [answer["data"]["sessionId"]]


@pytest.mark.parametrize("with_key", [True, False])
async def test_a_customer_that_stripe_has_deleted_costs_no_sale(ada, sandbox, conn, prices, with_key):
    await ada.buy(prices[PACK])
    first = await conn.fetchval("SELECT customer_id FROM customers WHERE user_id = $1", ada.id)
    await sandbox.ask("DELETE", f"/v1/customers/{first}", headers=STRIPE)
    key = {"Idempotency-Key": "a-key-of-a-member"} if with_key else {}
    status, answer = await ada.call("POST", CHECKOUT, {"priceId": prices[PACK]}, **key)
    assert status == 201, answer
    session = await sandbox.stripe(f"checkout/sessions/{answer['data']['sessionId']}")
    rows = await conn.fetch("SELECT customer_id FROM customers WHERE user_id = $1 ORDER BY number", ada.id)
    assert [row[0] for row in rows] == [first, session["customer"]]
    statuses = await conn.fetch("SELECT status FROM payments WHERE user_id = $1 ORDER BY created_at", ada.id)
    assert [row[0] for row in statuses] == ["pending", "failed", "pending"]


@pytest.mark.parametrize("percent", [50, 100])
async def test_a_promotion_code_is_not_a_mismatch(ada, sandbox, conn, prices, percent):
    code = await promotion_code(sandbox, f"OFF{percent}", percent_off=percent)
    bought = await ada.buy(prices[PACK])
    await enter_code(sandbox, bought["sessionId"], code)
    await sandbox.act(bought["sessionId"], "pay")
    await becomes(conn, bought["paymentId"], "completed")
    assert await state(ada, bought) == "paid"


async def test_what_was_paid_for_another_price_is_an_error(ada, sandbox, conn, prices):
    bought = await ada.buy(prices[PACK])
    await sandbox.change("sessions", bought["sessionId"], amount_subtotal=100, amount_total=100)
    await sandbox.act(bought["sessionId"], "pay")
    await becomes(conn, bought["paymentId"], "error")
    assert await state(ada, bought) == "error"


async def test_an_event_that_comes_before_our_own_commit_is_booked(ada, sandbox, conn, prices):
    """Stripe has made the session and its answer is lost; somebody pays before the request is repeated."""
    key, body = {"Idempotency-Key": "a-key-of-a-member"}, {"priceId": prices[PACK]}
    await sandbox.fault("status_after", path="checkout/sessions", method="POST", times=9, status=500)
    assert (await ada.call("POST", CHECKOUT, body, **key))[0] == 502
    await sandbox.ask("DELETE", "/_sandbox/faults")
    payment = await conn.fetchval("SELECT id FROM payments WHERE user_id = $1", ada.id)
    sessions = (await sandbox.stripe("checkout/sessions?limit=100"))["data"]
    (session,) = [each for each in sessions if each["metadata"].get("payment_id") == str(payment)]
    await sandbox.act(session["id"], "pay")
    await becomes(conn, str(payment), "completed")
    await all_processed(conn)
    assert (await ada.call("GET", f"{CHECKOUT}/{session['id']}"))[1]["data"]["status"] == "paid"


async def test_a_plan_is_sold_by_a_session_in_subscription_mode(ada, sandbox, prices):
    bought = await ada.buy(prices[PLAN])
    session = await sandbox.stripe(f"checkout/sessions/{bought['sessionId']}")
    assert session["mode"] == "subscription"
    assert session["success_url"].endswith("&plan=basic")


async def test_a_second_plan_is_rejected_while_one_runs(ada, sandbox, conn, prices):
    first = await ada.buy(prices[PLAN])
    await sandbox.act(first["sessionId"], "pay")
    for plan in (PLAN, "PRO_MONTHLY"):
        assert await rejected(ada, {"priceId": prices[plan]}) == (409, "already_subscribed")
    # Then no checkout is open any more: only Stripe and the copy of the subscription say that a plan runs.
    await becomes(conn, first["paymentId"], "completed")
    for plan in (PLAN, "PRO_MONTHLY"):
        assert await rejected(ada, {"priceId": prices[plan]}) == (409, "already_subscribed")
    assert (await ada.call("POST", CHECKOUT, {"priceId": prices[PACK]}))[0] == 201, "packs can always be bought"
    (subscription,) = (await sandbox.stripe(f"subscriptions?customer={await _customer(conn, ada)}"))["data"]
    await sandbox.ask("DELETE", f"/v1/subscriptions/{subscription['id']}", headers=STRIPE)
    await ada.buy(prices["PRO_MONTHLY"])


async def test_of_two_plans_at_once_only_one_can_be_paid(ada, sandbox, conn, prices):
    bodies = [{"priceId": prices[plan]} for plan in (PLAN, "PRO_MONTHLY")] * 2
    answers = await asyncio.gather(*(ada.call("POST", CHECKOUT, body) for body in bodies))
    assert {status for status, _ in answers} <= {201, 409}
    assert 201 in {status for status, _ in answers}
    sessions = (await sandbox.stripe(f"checkout/sessions?customer={await _customer(conn, ada)}&limit=100"))["data"]
    assert [each["status"] for each in sessions].count("open") == 1


async def test_choosing_another_plan_ends_the_checkout_before(ada, sandbox, conn, prices):
    first = await ada.buy(prices[PLAN])
    assert await ada.buy(prices[PLAN]) == first, "the same choice is the same checkout"
    second = await ada.buy(prices["PRO_MONTHLY"])
    await becomes(conn, first["paymentId"], "expired")
    assert await state(ada, first) == "expired"
    assert await state(ada, second) == "open"


async def _customer(conn, member):
    return await conn.fetchval("SELECT customer_id FROM customers WHERE user_id = $1 AND deleted_at IS NULL", member.id)
