"""After a backup of yesterday was restored, what only Stripe knows is found again, and granted once."""

from __future__ import annotations

import pytest

from support.members import PACK, PLAN, Member, sell
from support.money import all_processed, becomes
from support.plans import pod_for_plans
from support.purchases import changes, customer_of, intent_of, refund
from support.subscribing import copied, press, reconcile

PACKED, MONTH = (50, "quick_scan_purchase"), (100, "basic_plan_monthly")
# Triggers and keys are off for this one connection: nothing else could take rows out of books that only grow.
LOSE = """
SET session_replication_role = replica;
DELETE FROM settlements; DELETE FROM provider_events; DELETE FROM provider_event_ids; DELETE FROM payment_audit;
DELETE FROM external_payments; DELETE FROM payments; DELETE FROM customers; DELETE FROM subscriptions;
DELETE FROM credits_transactions; DELETE FROM credit_accounts; DELETE FROM reconcile_cursors;
RESET session_replication_role;
"""
BOOKS = "SELECT id::text, status, source, amount FROM payments WHERE user_id = $1 ORDER BY source, created_at"


@pytest.fixture
async def pod(dsn, sandbox):
    async with pod_for_plans(dsn, sandbox) as running:
        yield running


@pytest.mark.parametrize("buys_first", [False, True])
async def test_session_invoices_customer_and_subscription_are_found_and_granted_once(
    pod, dsn, sandbox, conn, buys_first
):
    """With and without a purchase of the same user before the reconciliation."""
    prices = await sell(conn, sandbox, PACK, PLAN)
    ada = Member(pod)
    packed, planned = await ada.buy(prices[PACK]), await ada.buy(prices[PLAN])
    for bought in (packed, planned):
        await sandbox.act(bought["sessionId"], "pay")
        await becomes(conn, bought["paymentId"], "completed")
    subscription = (await copied(conn, ada, status="active"))["id"]
    await press(sandbox, subscription, "renew")
    await refund(sandbox, await intent_of(conn, packed["paymentId"]), 100)
    await becomes(conn, packed["paymentId"], "partially_refunded")
    await all_processed(conn)
    customer = await customer_of(conn, ada)
    before = sorted(await changes(conn, ada.id))
    assert before == sorted([PACKED, MONTH, MONTH, (-10, "refund_quick_scan_purchase")])
    await conn.execute(LOSE)
    if buys_first:
        await ada.buy(prices[PACK])
    for _ in range(3):
        assert (await reconcile(dsn, sandbox, every_checkout=True)).errors == 0
        await all_processed(conn)
    assert sorted(await changes(conn, ada.id)) == before
    assert await customer_of(conn, ada) == customer
    assert (await copied(conn, ada, status="active"))["id"] == subscription
    rows = {row["id"]: (row["status"], row["source"]) for row in await conn.fetch(BOOKS, ada.id)}
    assert rows[packed["paymentId"]] == ("partially_refunded", "credits")
    assert rows[planned["paymentId"]] == ("completed", "credits")
    assert [source for _, source in rows.values()].count("renewal") == 1
    assert len(rows) == 3 + buys_first
    status, answer = await ada.call("POST", "/api/v1/checkout-sessions", {"priceId": prices[PLAN]})
    assert (status, answer["code"]) == (409, "already_subscribed")
