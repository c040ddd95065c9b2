"""Purchases when events come late, twice, in another order or never, and when a process dies on the way."""

from __future__ import annotations

import json
import os
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from hingecraft.inbox import store as inbox
from hingecraft.providers.stripe import webhook
from support.buying import DESIGN, Buyer, add_product, entitlements, history
from support.members import idle_pod_for_members
from support.money import ledger, status_of
from support.pods import ADMIN
from support.purchase_orders import PurchaseWorld, machine_of
from support.purchases import post, refund
from support.reconciling import reconcile

# `make nightly` asks for many more.
CASES = min(int(os.environ.get("HC_ORDERS", "300")) // 15, 600)
AGES = """
UPDATE external_payments SET created_at = created_at - $1::interval, expires_at = expires_at - $1::interval
"""
DIED = (
    "SET session_replication_role = replica", "UPDATE payments SET status = 'creating', provider_id = NULL",
    "UPDATE external_payments SET status = 'creating', provider_id = NULL", "RESET session_replication_role",
)  # fmt: skip
LOSE = (
    "SET session_replication_role = replica", "DELETE FROM entitlements", "DELETE FROM purchases",
    "DELETE FROM settlements", "DELETE FROM external_payments", "DELETE FROM payments",
    "RESET session_replication_role",
)  # fmt: skip


@pytest.fixture
async def pod(dsn, sandbox):
    async with idle_pod_for_members(dsn, sandbox) as running:
        yield running


@pytest.fixture
async def ada(pod):
    return Buyer(pod)


@pytest.fixture
async def design(pod):
    return await add_product(pod, DESIGN)


class Events:
    """The sandbox's events, delivered by the test."""

    def __init__(self, pod, sandbox, conn):
        self.pod, self.sandbox, self.conn = pod, sandbox, conn

    async def deliver(self, *kinds, again=""):
        """The newest of each kind, in this order; `again` makes another event of it."""
        for kind in kinds:
            found = (await self.sandbox.stripe(f"events?limit=100&type={kind}"))["data"]
            assert found, kind
            event = {**found[0], "id": f"{found[0]['id']}{again}"}
            await inbox.store(self.conn, [webhook.event_of(json.dumps(event).encode())])
            await self.pod.pod.worker.drain()


@pytest.fixture
async def events(pod, sandbox, conn):
    return Events(pod, sandbox, conn)


async def paid(ada, sandbox, design):
    begun = await ada.begin(design)
    await sandbox.act_on_intent(begun["intent"], "pay")
    return begun


async def test_an_event_twice_and_late_grants_once(ada, sandbox, conn, events, design):
    begun = await paid(ada, sandbox, design)
    await events.deliver("payment_intent.succeeded")
    await events.deliver("payment_intent.succeeded", again="_again")
    assert len(await entitlements(conn, ada.id)) == 1
    assert await ledger(conn, begun["paymentId"]) == [("charge", 12.5, "USD", 12.5)]
    assert (await history(conn, begun["paymentId"])).count("access_granted") == 1


async def test_an_event_before_our_own_commit_is_honoured(ada, sandbox, conn, events, design):
    begun = await paid(ada, sandbox, design)
    await conn.execute("UPDATE external_payments SET provider_id = NULL")
    await events.deliver("payment_intent.succeeded")
    assert await ada.access(design) == "owned"
    assert await conn.fetchval("SELECT provider_id FROM external_payments") == begun["intent"]


async def test_a_refund_that_comes_before_its_payment_is_booked_after_it(ada, sandbox, conn, events, design):
    begun = await paid(ada, sandbox, design)
    await refund(sandbox, begun["intent"])
    await events.deliver("refund.created", "payment_intent.succeeded")
    assert await status_of(conn, begun["paymentId"]) == "refunded"
    assert await ada.access(design) == "refunded"
    (row,) = await entitlements(conn, ada.id)
    assert (row["revoked_because"], row["status"]) == ("refunded", "refunded")


async def test_a_failed_refund_restores_access(ada, sandbox, conn, events, design):
    begun = await paid(ada, sandbox, design)
    await events.deliver("payment_intent.succeeded")
    await sandbox.act_on_intent(begun["intent"], "refund")
    await events.deliver("refund.created")
    assert await ada.access(design) == "refunded"
    (made,) = (await sandbox.stripe(f"refunds?payment_intent={begun['intent']}"))["data"]
    await sandbox.ask("POST", f"/pay/stripe/refund/{made['id']}/fail", allow_redirects=False)
    await events.deliver("refund.failed")
    assert await ada.access(design) == "owned"
    assert (await entitlements(conn, ada.id))[0]["status"] == "active"
    assert (await history(conn, begun["paymentId"]))[-1] == "access_restored"


async def test_a_dispute_ends_access_and_a_won_one_restores_it(ada, sandbox, conn, events, design):
    begun = await paid(ada, sandbox, design)
    await events.deliver("payment_intent.succeeded")
    await sandbox.act_on_intent(begun["intent"], "dispute")
    await events.deliver("charge.dispute.created")
    await events.pod.pod.worker.drain()
    assert await ada.access(design) == "disputed"
    assert (await ada.purchases())[0]["status"] == "disputed"
    (dispute,) = (await sandbox.stripe(f"disputes?payment_intent={begun['intent']}"))["data"]
    await sandbox.ask("POST", f"/pay/stripe/dispute/{dispute['id']}/won", allow_redirects=False)
    await events.deliver("charge.dispute.closed", "charge.dispute.funds_reinstated")
    await events.pod.pod.worker.drain()
    assert await ada.access(design) == "owned"


@pytest.mark.usefixtures("few_links")
async def test_a_lost_event_is_found_by_the_reconciliation(ada, sandbox, conn, dsn, settings, design):
    begun = await paid(ada, sandbox, design)
    await conn.execute(AGES, timedelta(hours=2))
    await reconcile(dsn, settings)
    assert await status_of(conn, begun["paymentId"]) == "completed"
    assert await ada.access(design) == "owned"


@pytest.mark.usefixtures("few_links")
async def test_what_is_not_paid_within_a_day_is_cancelled_at_stripe(ada, sandbox, conn, dsn, settings, design):
    begun = await ada.begin(design)
    await conn.execute(AGES, timedelta(hours=25))
    await reconcile(dsn, settings)
    assert (await sandbox.stripe(f"payment_intents/{begun['intent']}"))["status"] == "canceled"
    assert await status_of(conn, begun["paymentId"]) == "expired"
    assert (await ada.begin(design))["paymentId"] != begun["paymentId"]


async def test_a_process_that_died_after_stripes_answer_leaves_a_payment_that_its_repeat_finishes(
    ada, sandbox, conn, design
):
    begun = await ada.begin(design)
    for statement in DIED:
        await conn.execute(statement)
    assert await ada.begin(design, status=200) == begun
    assert len((await sandbox.stripe("payment_intents?limit=100"))["data"]) == 1
    assert await status_of(conn, begun["paymentId"]) == "pending"


async def test_a_payment_that_a_restored_backup_has_lost_comes_back_with_its_access(ada, sandbox, conn, events, design):
    begun = await paid(ada, sandbox, design)
    for statement in LOSE:
        await conn.execute(statement)
    await events.deliver("payment_intent.succeeded")
    await events.pod.pod.worker.drain()
    assert await status_of(conn, begun["paymentId"]) == "completed"
    assert await ada.access(design) == "owned"
    assert await ada.rejected(design) == (409, "already_owned")
    assert len(await entitlements(conn, ada.id)) == 1


async def test_nothing_is_granted_to_a_deleted_user_and_open_payments_end(ada, pod, sandbox, conn, events, design):
    begun = await paid(ada, sandbox, design)
    other = await ada.begin(await add_product(pod, DESIGN))
    status, _ = await pod.call("DELETE", f"/admin/users/{ada.id}", headers=ADMIN)
    assert status == 200
    assert (await sandbox.stripe(f"payment_intents/{other['intent']}"))["status"] == "canceled"
    await events.deliver("payment_intent.succeeded")
    assert await status_of(conn, begun["paymentId"]) == "completed"
    assert await entitlements(conn, ada.id) == []
    assert "access_not_granted" in await history(conn, begun["paymentId"])


async def test_a_refund_at_the_dashboard_of_an_unknown_intent_is_not_ours(sandbox, conn, events):
    form = {"amount": "500", "currency": "usd", "automatic_payment_methods[enabled]": "true"}
    made = await post(sandbox, "payment_intents", **form)
    await sandbox.act_on_intent(made["id"], "pay")
    await refund(sandbox, made["id"])
    await events.deliver("refund.created", "payment_intent.succeeded")
    await events.pod.pod.worker.drain()
    ignored = await conn.fetch("SELECT ignored_because FROM provider_events ORDER BY type")
    assert [row["ignored_because"] for row in ignored] == [
        "it carries neither our reference nor our link", "its payment does not belong to a checkout",
    ]  # fmt: skip


@pytest.mark.timeout(300 + CASES * 30)
def test_whatever_the_order_purchases_are_what_stripe_has(dsn, sandbox_process):
    world = PurchaseWorld(dsn, sandbox_process)
    world.run(world.open())
    try:
        # Without making a failing case smaller: each case takes a second, and would be tried hundreds of times.
        run_state_machine_as_test(
            machine_of(world),
            settings=settings(
                max_examples=CASES, stateful_step_count=12, suppress_health_check=list(HealthCheck),
                phases=[Phase.explicit, Phase.generate],
            ),
        )  # fmt: skip
    finally:
        world.close()
