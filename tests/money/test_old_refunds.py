"""A provider reports a refund or dispute of a payment that only the old software received."""

from __future__ import annotations

import asyncio
import json
import uuid
from decimal import Decimal

import pytest

from support.limits import PROGRESS
from support.money import all_processed, becomes, ledger, status_of
from support.orders import LOGIN
from support.reconciling import reconcile
from support.standing import AUTH
from support.truth import coin_payments

OLD = "INSERT INTO payments (id, amount, currency, status, created_at) VALUES ($1, $2, $3, 'paid', now())"
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


async def old_session(sandbox, conn, kept="its session", currency="usd", amount=40):
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
    await conn.execute(OLD, payment, amount, currency)
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


@pytest.fixture
async def coins(pod, sandbox, conn, request):
    """A payment of the old software, and its invoice at NOWPayments, which has the payment's id as its order."""
    payment = uuid.uuid4()
    currency, amount = getattr(request, "param", ("usd", 40))
    invoice = await sandbox.ask(
        "POST", "/nowpayments/v1/invoice", headers={"x-api-key": "sandbox-key"},
        json={"price_amount": 40, "price_currency": "usd", "ipn_callback_url": f"{pod.public}/webhooks/nowpayments",
              "order_id": str(payment), "order_description": "Gift to the old site"},
    )  # fmt: skip
    await conn.execute(OLD, payment, amount, currency)
    await conn.execute(
        "INSERT INTO external_payments (payment_id, gateway, currency, amount, status, provider_payload) "
        "VALUES ($1, 'nowpayments', 'btc', 40, 'finished', $2)", payment, json.dumps(invoice),
    )  # fmt: skip
    await conn.execute("UPDATE payments SET provider = 'nowpayments' WHERE id = $1", payment)
    return payment, invoice["invoice_url"]


async def coin_act(sandbox, conn, number, act, told):
    """One act, until its IPNs are processed."""
    before = await conn.fetchval("SELECT count(*) FROM provider_events")
    await sandbox.coin_act(number, act)
    await all_processed(conn, at_least=before + told)


async def child_of(sandbox, number):
    (child,) = [each for each in await coin_payments(sandbox) if str(each["parent_payment_id"]) == number]
    return str(child["payment_id"])


async def test_what_nowpayments_says_of_an_old_payment_that_was_paid_adds_nothing(pod, sandbox, conn, coins):
    payment, invoice = coins
    await sandbox.coins(invoice, "pay")
    await all_processed(conn, at_least=5)
    assert await ledger(conn, str(payment)) == [("opening", 40, "USD", 40)]
    assert await total(pod) == (40, 1)
    assert await conn.fetchval("SELECT count(*) FROM payments") == 1


async def test_coins_that_nowpayments_sends_back_leave_the_total_once(pod, sandbox, conn, coins):
    payment, invoice = coins
    number = await sandbox.coins(invoice, "pay")
    await all_processed(conn, at_least=5)
    await sandbox.tells(pod.public, times=2, shuffled=True)
    await coin_act(sandbox, conn, number, "refund", 1)
    await becomes(conn, str(payment), "refunded")
    await all_processed(conn)
    assert await ledger(conn, str(payment)) == [("opening", 40, "USD", 40), ("refund", -40, "USD", -40)]
    assert await total(pod) == (0, 0)


@pytest.mark.parametrize("first", ["nowpayments", "the old software"])
async def test_the_old_software_and_nowpayments_report_one_refund(pod, sandbox, conn, coins, first):
    payment, invoice = coins
    number = await sandbox.coins(invoice, "pay")
    await all_processed(conn, at_least=5)
    if first == "the old software":
        await conn.execute(SAY, payment, "Refunded")
    await coin_act(sandbox, conn, number, "refund", 1)
    await conn.execute(SAY, payment, "Refunded")
    assert await total(pod) == (0, 0)
    await conn.execute(SAY, payment, "Paid")
    assert await total(pod) == (0, 0)
    assert await conn.fetchval("SELECT sum(amount) FROM settlements WHERE payment_id = $1", payment) == 0


@pytest.mark.parametrize("coins", [("btc", Decimal("0.0004")), ("eur", Decimal(36))], indirect=True)
async def test_coins_go_back_as_the_share_of_what_the_old_software_kept(pod, sandbox, conn, coins):
    payment, invoice = coins
    number = await sandbox.coins(invoice, "pay")
    await all_processed(conn, at_least=5)
    await coin_act(sandbox, conn, number, "refund", 1)
    assert await conn.fetchval("SELECT sum(amount) FROM settlements WHERE payment_id = $1", payment) == 0
    assert await status_of(conn, str(payment)) == "refunded"


async def test_a_second_deposit_that_goes_back_leaves_the_old_payment_as_it_is(pod, sandbox, conn, coins):
    """The donor had sent the same again by mistake: the old software has counted one of them."""
    _, invoice = coins
    number = await sandbox.coins(invoice, "pay")
    await all_processed(conn, at_least=5)
    await coin_act(sandbox, conn, number, "again", 4)
    await coin_act(sandbox, conn, await child_of(sandbox, number), "refund", 1)
    assert await total(pod) == (40, 1)
    await coin_act(sandbox, conn, number, "refund", 1)
    assert await total(pod) == (0, 0)


async def test_of_an_old_payment_in_two_deposits_each_goes_back_by_itself(pod, sandbox, conn, coins):
    payment, invoice = coins
    number = await sandbox.coins(invoice, "half")
    await all_processed(conn, at_least=4)
    await coin_act(sandbox, conn, number, "rest", 4)
    assert await total(pod) == (40, 1)
    await coin_act(sandbox, conn, await child_of(sandbox, number), "refund", 1)
    assert await status_of(conn, str(payment)) == "partially_refunded"
    assert await total(pod) == (pytest.approx(20, abs=0.01), 1), "coins have eight digits"
    await coin_act(sandbox, conn, number, "refund", 1)
    assert await status_of(conn, str(payment)) == "refunded"
    assert await total(pod) == (0, 0)


async def test_a_refund_that_only_a_reconciliation_sees_leaves_the_total(pod, sandbox, conn, dsn, coins):
    """Callbacks of the old invoice went to the old software."""
    payment, invoice = coins
    await sandbox.tells(pod.public, enabled=False)
    number = await sandbox.coins(invoice, "pay")
    await sandbox.coin_act(number, "refund")
    await reconcile(dsn, {**sandbox.settings, **LOGIN})
    assert await total(pod) == (0, 0)
    assert await status_of(conn, str(payment)) == "refunded"
    await reconcile(dsn, {**sandbox.settings, **LOGIN})
    assert await conn.fetchval("SELECT count(*) FROM settlements") == 2
