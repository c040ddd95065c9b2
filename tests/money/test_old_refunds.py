"""Stripe tells of money that went back from a payment that only the old software was paid."""

from __future__ import annotations

import asyncio
import json
import uuid
from decimal import Decimal

import pytest

from support.money import all_processed, becomes, ledger, status_of
from support.standing import AUTH

OLD = "INSERT INTO payments (id, amount, currency, status, created_at) VALUES ($1, 40, 'usd', 'paid', now())"
OLD_CHECKOUT = """
INSERT INTO external_payments (id, payment_id, gateway, currency, amount, status, provider_payload)
VALUES (gen_random_uuid(), $1, 'stripe', 'usd', 40, 'paid', $2)
"""
SAY = "UPDATE payments SET status = $2 WHERE id = $1"
# What the old software has kept of Stripe's answer: the session as it was made, or the intent, or that as text.
KEPT = {
    "its session": lambda session: {"id": session["id"], "url": session["url"], "payment_intent": None},
    "its intent": lambda session: {"data": {"object": {"payment_intent": session["payment_intent"]}}},
    "text": lambda session: json.dumps({"id": session["id"]}),
}


@pytest.fixture
async def old(sandbox, conn, request):
    """A payment of the old software and its session at Stripe, which knows nothing of us."""
    payment = uuid.uuid4()
    form = {
        "mode": "payment", "success_url": "https://example.org/thanks",
        "line_items[0][quantity]": "1", "line_items[0][price_data][currency]": "usd",
        "line_items[0][price_data][unit_amount]": "4000", "line_items[0][price_data][product_data][name]": "Gift",
    }  # fmt: skip
    made = await sandbox.ask("POST", "/v1/checkout/sessions", headers=AUTH, data=form)
    await sandbox.act(made["id"], "pay")
    session = await sandbox.stripe(f"checkout/sessions/{made['id']}")
    await conn.execute(OLD, payment)
    kept = KEPT[getattr(request, "param", "its session")](session)
    await conn.execute(OLD_CHECKOUT, payment, json.dumps(kept))
    return payment, session["id"]


REFUND_TOLD = "SELECT bool_and(processed_at IS NOT NULL) FROM provider_events WHERE type = 'refund.created'"


async def refunded(sandbox, conn, session, act="refund"):
    """Stripe refunds, and its events are processed."""
    await sandbox.act(session, act)
    async with asyncio.timeout(30):
        while not await conn.fetchval(REFUND_TOLD):
            await asyncio.sleep(0.02)
    await all_processed(conn)


async def total(pod):
    _, answer = await pod.call("GET", "/charter/total")
    return answer["data"]["total"], answer["data"]["count"]


@pytest.mark.parametrize("old", KEPT, indirect=True)
@pytest.mark.parametrize(
    ("act", "kind", "status"), [("refund", "refund", "refunded"), ("dispute", "dispute", "disputed")]
)
async def test_what_goes_back_of_an_old_payment_leaves_the_total(pod, sandbox, conn, old, act, kind, status):
    payment, session = old
    assert await total(pod) == (40, 1)
    await sandbox.tells(pod.public, times=2, shuffled=True)
    await sandbox.act(session, act)
    await becomes(conn, str(payment), status)
    await all_processed(conn)
    assert await ledger(conn, str(payment)) == [("opening", 40, "USD", 40), (kind, -40, "USD", -40)]
    assert await total(pod) == (0, 0)
    assert await conn.fetchval("SELECT count(*) FROM payments") == 1


@pytest.mark.parametrize("first", ["stripe", "the old software"])
async def test_the_old_software_and_stripe_tell_of_one_refund(pod, sandbox, conn, old, first):
    payment, session = old
    if first == "the old software":
        await conn.execute(SAY, payment, "Refunded")
    await refunded(sandbox, conn, session)
    await conn.execute(SAY, payment, "Refunded")
    assert await total(pod) == (0, 0)
    assert await status_of(conn, str(payment)) == "refunded"
    # What Stripe has refunded stays refunded, whatever the old software says.
    await conn.execute(SAY, payment, "Paid")
    assert await total(pod) == (0, 0)


@pytest.mark.parametrize("said", [True, False])
async def test_a_part_that_stripe_refunds_is_a_part_of_what_the_old_software_has_said(pod, sandbox, conn, old, said):
    payment, session = old
    if said:
        await conn.execute(SAY, payment, "Refunded")
    await refunded(sandbox, conn, session, "refund_half")
    assert await total(pod) == ((0, 0) if said else (20, 1))
    assert await status_of(conn, str(payment)) == ("refunded" if said else "partially_refunded")
    await conn.execute(SAY, payment, "Partial_Refund")
    await conn.execute(SAY, payment, "Paid")
    assert await total(pod) == (20, 1)
    summed = await conn.fetchval("SELECT sum(amount) FROM settlements WHERE payment_id = $1", payment)
    assert summed == Decimal(20)


async def test_a_refund_of_what_the_old_software_never_saw_paid_is_ignored(pod, sandbox, conn, old):
    _, session = old
    await conn.execute("UPDATE external_payments SET provider_payload = NULL")
    await refunded(sandbox, conn, session)
    assert await total(pod) == (40, 1)
    assert await conn.fetchval("SELECT bool_and(ignored_because IS NOT NULL) FROM provider_events")
