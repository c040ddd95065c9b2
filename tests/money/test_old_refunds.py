"""A provider reports a refund or dispute of a payment that only the old software received."""

from __future__ import annotations

import asyncio
import json
import uuid
from decimal import Decimal

import pytest

from support.limits import PROGRESS
from support.lock_waits import until_waiting
from support.money import all_processed, becomes, ledger, send_stripe, status_of
from support.old_payments import DUE_NOW, OLD, SAY, said_paid_late, total
from support.standing_links import AUTH

OLD_CHECKOUT = """
INSERT INTO external_payments (id, payment_id, gateway, currency, amount, status, provider_payload)
VALUES (gen_random_uuid(), $1, 'stripe', 'usd', 40, 'paid', $2)
"""
# What the old software has kept of Stripe's answer: the session as it was made, or the intent, or that as text.
KEPT = {
    "its session": lambda session: {"id": session["id"], "url": session["url"], "payment_intent": None},
    "its intent": lambda session: {"data": {"object": {"payment_intent": session["payment_intent"]}}},
    "text": lambda session: json.dumps({"id": session["id"]}),
}


async def old_session(sandbox, conn, kept="its session", currency="usd", amount=40, status="paid"):
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
    await conn.execute(OLD, payment, amount, currency, status)
    await conn.execute(OLD_CHECKOUT, payment, json.dumps(KEPT[kept](session)))
    return payment, session["id"]


@pytest.fixture
async def old(sandbox, conn, request):
    return await old_session(sandbox, conn, getattr(request, "param", "its session"))


REFUND_TOLD = "SELECT bool_and(processed_at IS NOT NULL) FROM provider_events WHERE type = 'refund.created'"


async def refunded(sandbox, conn, session, act="refund"):
    """Stripe refunds, and its events are processed."""
    await sandbox.act(session, act)
    async with asyncio.timeout(PROGRESS):
        while not await conn.fetchval(REFUND_TOLD):
            await asyncio.sleep(0.02)
    await all_processed(conn)


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
async def test_the_old_software_and_stripe_report_one_refund(pod, sandbox, conn, old, first):
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


@pytest.mark.parametrize(("act", "left"), [("refund", 0), ("refund_half", 18)])
async def test_of_an_old_payment_in_another_currency_the_same_share_goes_back(pod, sandbox, conn, act, left):
    """Stripe was paid 40 USD, and the old software has kept 36 EUR."""
    payment, session = await old_session(sandbox, conn, currency="eur", amount=36)
    await refunded(sandbox, conn, session, act)
    summed = await conn.fetchval("SELECT sum(amount) FROM settlements WHERE payment_id = $1", payment)
    assert summed == left
    assert await status_of(conn, str(payment)) == ("partially_refunded" if left else "refunded")
    assert {row[0] for row in await conn.fetch("SELECT currency FROM settlements")} == {"EUR"}


@pytest.mark.parametrize("before", [None, "refund_half"])
async def test_a_dispute_that_is_won_brings_back_what_it_took_in_another_currency(pod, sandbox, conn, before):
    """Stripe was paid 40 USD, and the old software has kept 36 EUR."""
    payment, session = await old_session(sandbox, conn, currency="eur", amount=36)
    if before is not None:
        await refunded(sandbox, conn, session, before)
    await sandbox.tells(pod.public, times=2, shuffled=True)
    await sandbox.act(session, "dispute")
    await becomes(conn, str(payment), "disputed")
    await all_processed(conn)
    left = 18 if before else 36
    assert await conn.fetchval("SELECT sum(amount) FROM settlements WHERE payment_id = $1", payment) == 0
    dispute = (await sandbox.stripe("disputes?limit=1"))["data"][0]
    await sandbox.ask("POST", f"/pay/stripe/dispute/{dispute['id']}/won", allow_redirects=False)
    await becomes(conn, str(payment), "partially_refunded" if before else "completed")
    await all_processed(conn)
    taken, given = (await ledger(conn, str(payment)))[-2:]
    assert (taken[:3], given[:3]) == (("dispute", -left, "EUR"), ("dispute_reversal", left, "EUR"))
    assert given[3] == (-taken[3] if taken[3] is not None else None)
    assert await conn.fetchval("SELECT sum(amount) FROM settlements WHERE payment_id = $1", payment) == left


async def test_a_refund_that_fails_brings_back_what_the_old_software_had_kept(pod, sandbox, conn):
    """Stripe was paid 40 USD, and the old software has kept 36 USD."""
    payment, session = await old_session(sandbox, conn, amount=36)
    await refunded(sandbox, conn, session)
    assert await total(pod) == (0, 0)
    refund = (await sandbox.stripe("refunds?limit=1"))["data"][0]
    await sandbox.ask("POST", f"/pay/stripe/refund/{refund['id']}/fail", allow_redirects=False)
    await becomes(conn, str(payment), "completed")
    await all_processed(conn)
    assert await total(pod) == (36, 1)


async def tell(pod, sandbox, conn, kind, times=1):
    """Deliver Stripe's events of a kind, and wait until they are processed."""
    await deliver(pod, sandbox, kind, times)
    await all_processed(conn)


async def deliver(pod, sandbox, kind, times=1):
    for event in (await sandbox.stripe("events?limit=100"))["data"] * times:
        if event["type"].startswith(kind):
            status, _ = await send_stripe(pod, json.dumps(event).encode())
            assert status == 200


@pytest.mark.parametrize(("kept", "how", "left"), [(20, "won", 0), (30, "won", 10), (30, "lost", 0), (36, "won", 16)])
@pytest.mark.parametrize("order", [("charge.dispute", "refund."), ("refund.", "charge.dispute")])
async def test_a_refund_that_is_told_while_a_dispute_holds_its_money_stays_refunded(
    pod, sandbox, conn, kept, how, left, order
):
    """Of 40 USD, Stripe refunds 20, and then a bank disputes 20; the old software has kept less."""
    payment, session = await old_session(sandbox, conn, amount=kept)
    await sandbox.tells(pod.public, enabled=False)
    await sandbox.act(session, "refund_half")
    await sandbox.act(session, "dispute")
    for kind in order:
        await tell(pod, sandbox, conn, kind, times=2)
    assert await total(pod) == (0, 0)
    dispute = (await sandbox.stripe("disputes?limit=1"))["data"][0]
    await sandbox.ask("POST", f"/pay/stripe/dispute/{dispute['id']}/{how}", allow_redirects=False)
    for _ in range(2):
        for kind in order:
            await tell(pod, sandbox, conn, kind)
        assert await total(pod) == (left, 1 if left else 0)
    assert await conn.fetchval("SELECT sum(amount) FROM settlements WHERE payment_id = $1", payment) == left


async def test_a_connection_that_breaks_while_a_refund_takes_over_from_a_dispute_keeps_nothing(pod, sandbox, conn):
    """Both settlements and the end of the event are one transaction: it is broken off just before the commit."""
    payment, session = await old_session(sandbox, conn, amount=20)
    await sandbox.tells(pod.public, enabled=False)
    await sandbox.act(session, "refund_half")
    await sandbox.act(session, "dispute")
    await tell(pod, sandbox, conn, "charge.dispute")
    disputed = await ledger(conn, str(payment))
    blocker = conn.transaction()
    await blocker.start()
    await conn.execute("LOCK TABLE payment_audit IN EXCLUSIVE MODE")
    await deliver(pod, sandbox, "refund.")
    pid, *_ = await until_waiting(conn)
    await conn.execute("SELECT pg_terminate_backend($1)", pid)
    assert await ledger(conn, str(payment)) == disputed
    await blocker.commit()
    await conn.execute("UPDATE provider_events SET claimed_until = NULL WHERE processed_at IS NULL")
    await conn.execute(DUE_NOW)
    await all_processed(conn)
    assert [row[:2] for row in await ledger(conn, str(payment))] == [
        ("opening", 20), ("dispute", -20), ("dispute_reversal", 20), ("refund", -20),
    ]  # fmt: skip
    assert await status_of(conn, str(payment)) == "refunded"


async def test_a_card_refund_that_is_told_before_the_old_software_says_paid_leaves_the_total(pod, sandbox, conn):
    payment, session = await old_session(sandbox, conn, status="waiting")
    await sandbox.act(session, "refund")
    await said_paid_late(conn, payment)
    assert await total(pod) == (0, 0)
    assert await status_of(conn, str(payment)) == "refunded"


async def test_what_the_old_software_marks_as_refunded_without_having_been_paid_is_ignored(pod, sandbox, conn):
    payment, session = await old_session(sandbox, conn, status="waiting")
    await conn.execute(SAY, payment, "Refunded")
    await refunded(sandbox, conn, session)
    assert await total(pod) == (0, 0)
    assert await conn.fetchval("SELECT bool_and(ignored_because IS NOT NULL) FROM provider_events")
