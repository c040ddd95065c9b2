"""Deleting a user: the customer at Stripe goes, e-mail and metadata go here, and ids stay."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID, uuid4

import pytest

from hingecraft.members.customers.service import Customers
from hingecraft.members.deletion import store
from hingecraft.members.steps import members_steps
from support.limits import PROGRESS
from support.members import CHECKOUT, PACK, PLAN, STRIPE, Member, pod_for_members, reconciled, sell
from support.money import all_processed, becomes, ledger
from support.plans import buy_plan
from support.pods import ADMIN
from support.purchases import changes
from support.subscribing import press

KEPT = "SELECT customer_id, email, request, deleted_at IS NOT NULL AS deleted FROM customers WHERE user_id = $1"
DELETED = "SELECT finished_at IS NOT NULL FROM deleted_users WHERE user_id = $1"


@pytest.fixture
async def pod(dsn, sandbox):
    async with pod_for_members(dsn, sandbox) as running:
        yield running


@pytest.fixture
async def prices(conn, sandbox):
    return await sell(conn, sandbox, PACK, PLAN)


async def delete(pod, user, **headers):
    status, answer = await pod.call("DELETE", f"/admin/users/{user}", headers=headers or ADMIN)
    return status, answer.get("data", {}).get("finished")


async def reconcile(pod):
    return await reconciled(members_steps(pod.pod.database, pod.pod.providers.stripe))


async def test_a_users_customer_email_and_metadata_go_and_the_ids_stay(pod, sandbox, conn, prices):
    ada = Member(pod)
    bought = await ada.buy(prices[PACK], metadata={"name": "Ada Lovelace"})
    plan = await ada.buy(prices[PLAN])
    await sandbox.act(plan["sessionId"], "pay")
    await becomes(conn, plan["paymentId"], "completed")
    (customer,) = await conn.fetch(KEPT, ada.id)
    assert await delete(pod, ada.id) == (200, True)
    assert (await sandbox.stripe(f"customers/{customer['customer_id']}"))["deleted"]
    ended = await sandbox.stripe(f"subscriptions?customer={customer['customer_id']}&status=all")
    assert [each["status"] for each in ended["data"]] == ["canceled"]
    assert await conn.fetch(KEPT, ada.id) == [(customer["customer_id"], None, None, True)]
    requests = await conn.fetch(
        "SELECT request::text AS request FROM external_payments e JOIN payments p ON p.id = e.payment_id "
        "WHERE p.user_id = $1 AND e.kind = 'single'", ada.id,
    )  # fmt: skip
    assert len(requests) == 2
    assert not any("Ada" in row["request"] or "metadata" in row["request"] for row in requests)
    assert {json.loads(row["request"])["line_items"][0]["price"] for row in requests} == {prices[PACK], prices[PLAN]}
    assert await conn.fetchval("SELECT user_id FROM payments WHERE id = $1::uuid", bought["paymentId"]) == ada.id
    audited = await conn.fetch("SELECT actor, details::text FROM payment_audit WHERE action = 'user_deleted'")
    assert [(row["actor"], json.loads(row["details"])) for row in audited] == [("admin", {"user": str(ada.id)})]
    assert (await ada.call("GET", f"{CHECKOUT}/{bought['sessionId']}"))[1]["data"]["planType"] == "credits"
    assert await delete(pod, ada.id) == (200, True), "a repeat changes nothing"


async def test_nothing_is_sold_to_a_deleted_user(pod, sandbox, conn, prices):
    ada = Member(pod)
    assert await delete(pod, ada.id) == (200, True), "also one that has never bought anything"
    status, answer = await ada.call("POST", CHECKOUT, {"priceId": prices[PACK]})
    assert (status, answer["code"]) == (403, "not_authorized")
    assert await conn.fetch(KEPT, ada.id) == []
    assert await conn.fetchval("SELECT count(*) FROM payments") == 0


@pytest.mark.parametrize("act", ["status_before", "status_after"])
async def test_when_stripe_does_not_answer_the_reconciliation_finishes_it(pod, sandbox, conn, prices, act):
    ada = Member(pod)
    await ada.buy(prices[PACK])
    await sandbox.fault(act, path="customers", times=99, status=500)
    assert await delete(pod, ada.id) == (202, False)
    assert not await conn.fetchval(DELETED, ada.id)
    assert (await conn.fetchrow(KEPT, ada.id))["email"] is None, "what is ours is removed at once"
    for path, body in ((CHECKOUT, {"priceId": prices[PACK]}), ("/api/v1/billing-portal", {})):
        status, answer = await ada.call("POST", path, body)
        assert (status, answer["code"]) == (403, "not_authorized")
    await sandbox.ask("DELETE", "/_sandbox/faults")
    summary = await reconcile(pod)
    assert (summary.users_deleted, summary.errors) == (1, 0)
    assert await conn.fetchval(DELETED, ada.id)
    assert await conn.fetchval("SELECT request FROM customers WHERE user_id = $1", ada.id) is None
    assert (await reconcile(pod)).users_deleted == 0


async def test_a_customer_whose_creation_was_never_answered_is_deleted_too(pod, sandbox, conn, prices):
    ada = Member(pod)
    await sandbox.fault("status_after", path="customers", method="POST", times=99, status=500)
    status, answer = await ada.call("POST", CHECKOUT, {"priceId": prices[PACK]})
    assert (status, answer["code"]) == (502, "provider_unavailable")
    await sandbox.ask("DELETE", "/_sandbox/faults")
    assert await delete(pod, ada.id) == (200, True)
    customers = (await sandbox.stripe("customers?limit=100"))["data"]
    assert [each for each in customers if each["metadata"].get("userId") == str(ada.id)] == []
    assert await conn.fetchval("SELECT request FROM customers WHERE user_id = $1", ada.id) is None


async def test_one_that_was_deleted_at_stripe_before_is_finished(pod, sandbox, conn, prices):
    ada = Member(pod)
    await ada.buy(prices[PACK])
    customer = await conn.fetchval("SELECT customer_id FROM customers WHERE user_id = $1", ada.id)
    await sandbox.ask("DELETE", f"/v1/customers/{customer}", headers=STRIPE)
    assert await delete(pod, ada.id) == (200, True)


async def test_another_accounts_key_deletes_nothing_and_says_so(pod, sandbox, conn, prices):
    ada = Member(pod)
    await ada.buy(prices[PACK])
    await sandbox.ask("PUT", "/_sandbox/accounts", json={sandbox.settings["stripe_secret"]: "acct_other"})
    assert await delete(pod, ada.id) == (202, False)
    assert (await reconcile(pod)).errors == 1
    await sandbox.ask("PUT", "/_sandbox/accounts", json={})
    assert (await reconcile(pod)).users_deleted == 1


async def test_later_events_are_recorded_and_grant_nothing(pod, sandbox, conn, prices):
    ada = Member(pod)
    bought = await ada.buy(prices[PACK])
    await sandbox.act(bought["sessionId"], "pay_later")
    assert await delete(pod, ada.id) == (200, True)
    await sandbox.act(bought["sessionId"], "arrive")
    await becomes(conn, bought["paymentId"], "completed")
    await all_processed(conn)
    assert await conn.fetchval("SELECT count(*) FROM settlements WHERE payment_id = $1::uuid", bought["paymentId"]) == 1
    assert await conn.fetchval("SELECT count(*) FROM credits_transactions") == 0


async def test_a_renewal_while_its_user_is_deleted_is_recorded_once_and_both_end(pod, sandbox, conn, prices):
    """Whichever is first: the money is in the books, and what was granted for it was granted before the deletion."""
    for _ in range(3):
        ada = Member(pod)
        plan = await buy_plan(ada, sandbox, conn, prices[PLAN])
        (_, finished), _ = await asyncio.gather(delete(pod, ada.id), press(sandbox, plan["subscription"], "renew"))
        await all_processed(conn)
        if not finished:
            assert (await reconcile(pod)).users_deleted == 1
        granted = await changes(conn, ada.id)
        payments = await conn.fetch("SELECT id, status FROM payments WHERE user_id = $1", ada.id)
        assert {each["status"] for each in payments} == {"completed"}
        for each in payments:
            assert len(await ledger(conn, each["id"])) == 1
        assert 1 <= len(granted) <= len(payments) <= 2
        customer = await conn.fetchval("SELECT customer_id FROM customers WHERE user_id = $1", ada.id)
        assert (await sandbox.stripe(f"customers/{customer}"))["deleted"]
        assert (await sandbox.stripe(f"subscriptions/{plan['subscription']}"))["status"] == "canceled"


async def test_nothing_can_be_paid_any_more_that_would_grant_nothing(pod, sandbox, conn, prices):
    ada = Member(pod)
    bought = [await ada.buy(prices[code]) for code in (PACK, PLAN)]
    assert await delete(pod, ada.id) == (200, True)
    for each in bought:
        assert (await sandbox.stripe(f"checkout/sessions/{each['sessionId']}"))["status"] == "expired"
        await becomes(conn, each["paymentId"], "expired")


async def test_a_session_that_opens_while_its_user_is_deleted_is_ended_too(pod, sandbox, conn, prices, monkeypatch):
    """Stripe answers after the deletion has read what is open, and before it is finished."""
    ada = Member(pod)
    await ada.buy(prices[PACK])
    await sandbox.fault("slow", provider="stripe", method="POST", path="/v1/checkout/sessions", seconds=120)
    opening = asyncio.create_task(ada.buy(prices[PACK]))
    async with asyncio.timeout(PROGRESS):
        while not await conn.fetchval("SELECT count(*) FROM payments WHERE status = 'creating'"):
            await asyncio.sleep(0.02)
    at_once = Customers.delete

    async def once_it_is_open(*arguments):
        await sandbox.ask("DELETE", "/_sandbox/faults")
        await opening
        return await at_once(*arguments)

    monkeypatch.setattr(Customers, "delete", once_it_is_open)
    assert await delete(pod, ada.id) == (202, False)
    await reconcile(pod)
    assert await conn.fetchval(DELETED, ada.id)
    late = await opening
    assert (await sandbox.stripe(f"checkout/sessions/{late['sessionId']}"))["status"] == "expired"


async def test_a_customer_of_the_other_mode_is_named_and_holds_nothing_up(pod, sandbox, conn, prices, caplog):
    """A live customer is here, one whose creation was never answered, and a checkout that nobody knows the end of."""
    ada, bob = Member(pod), Member(pod)
    await ada.buy(prices[PACK])
    await conn.execute(
        "INSERT INTO customers (user_id, livemode, number, customer_id, email, idempotency_key, request) VALUES "
        "($1, true, 1, 'cus_live', 'ada@example.com', 'k1', '{\"email\": \"ada@example.com\"}'), "
        "($2, true, 1, NULL, 'bob@example.com', 'k2', '{\"email\": \"bob@example.com\", \"metadata\": {}}')",
        ada.id, bob.id,
    )  # fmt: skip
    unknown = await ada.buy(prices[PACK], metadata={"name": "Ada Lovelace"})
    async with conn.transaction():
        await conn.execute(
            "INSERT INTO payment_audit (payment_id, actor, action) VALUES ($1::uuid, 'test', 'event_applied')",
            unknown["paymentId"],
        )  # fmt: skip
        await conn.execute("UPDATE payments SET livemode = true WHERE id = $1::uuid", unknown["paymentId"])
        await conn.execute(
            "UPDATE external_payments SET livemode = true, status = 'unknown' WHERE payment_id = $1::uuid",
            unknown["paymentId"],
        )  # fmt: skip
    assert await delete(pod, ada.id) == (200, True)
    assert await delete(pod, bob.id) == (200, True)
    assert "the live customer cus_live of the deleted user" in caplog.text
    assert "Delete it in Stripe's dashboard" in caplog.text
    left = await conn.fetch("SELECT details ->> 'customer' FROM payment_audit WHERE action = 'customer_left'")
    assert [row[0] for row in left] == ["cus_live", "k2"]
    assert await conn.fetchval("SELECT count(*) FROM customers WHERE email IS NOT NULL OR request ? 'email'") == 0
    assert await conn.fetchval("SELECT count(*) FROM external_payments WHERE request::text LIKE '%Ada%'") == 0
    assert (await reconcile(pod)).users_deleted == 0
    # The database goes live: whatever is left is found with that key.
    async with pod.pod.database.connection() as other:
        assert await store.unfinished(other, UUID(int=0), livemode=False) == []
        assert set(await store.unfinished(other, UUID(int=0), livemode=True)) == {ada.id, bob.id}


async def test_only_admins_delete_and_only_users(pod):
    member = Member(pod)
    status, answer = await pod.call("DELETE", f"/admin/users/{member.id}", headers=member.headers)
    assert (status, answer["code"]) == (403, "role_not_allowed")
    status, answer = await pod.call("DELETE", "/admin/users/ada", headers=ADMIN)
    assert (status, list(answer["fields"])) == (400, ["id"])
    assert await delete(pod, uuid4()) == (200, True)
