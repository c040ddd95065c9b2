"""NOWPayments reports a refund of a payment that only the old software received."""

from __future__ import annotations

import json
import uuid
from decimal import Decimal

import pytest

from support.money import all_processed, becomes, ledger, status_of
from support.old_payments import OLD, SAY, said_paid_late, total
from support.orders import LOGIN
from support.provider_records import coin_payments
from support.reconciling import reconcile


@pytest.fixture
async def coins(pod, sandbox, conn, request):
    """A payment of the old software, and its invoice at NOWPayments, which has the payment's id as its order."""
    currency, amount = getattr(request, "param", ("usd", 40))
    payment = uuid.uuid4()
    invoice = await old_invoice(pod, sandbox, conn, payment, str(payment), currency=currency, amount=amount)
    return payment, invoice["invoice_url"]


async def old_invoice(pod, sandbox, conn, payment, order, *, currency="usd", amount=40, status="paid"):
    invoice = await sandbox.ask(
        "POST", "/nowpayments/v1/invoice", headers={"x-api-key": "sandbox-key"},
        json={"price_amount": 40, "price_currency": "usd", "ipn_callback_url": f"{pod.public}/webhooks/nowpayments",
              "order_id": order, "order_description": "Gift to the old site"},
    )  # fmt: skip
    await conn.execute(OLD, payment, amount, currency, status)
    await conn.execute(
        "INSERT INTO external_payments (payment_id, gateway, currency, amount, status, provider_payload) "
        "VALUES ($1, 'nowpayments', 'btc', 40, 'finished', $2)", payment, json.dumps(invoice),
    )  # fmt: skip
    await conn.execute("UPDATE payments SET provider = 'nowpayments' WHERE id = $1", payment)
    return invoice


async def refund_once(pod, sandbox, conn, payment, number):
    """Send the coins back, with messages that come twice and shuffled, and check that they count once."""
    await sandbox.tells(pod.public, times=2, shuffled=True)
    await coin_act(sandbox, conn, number, "refund", 1)
    await becomes(conn, str(payment), "refunded")
    await all_processed(conn)
    assert await ledger(conn, str(payment)) == [("opening", 40, "USD", 40), ("refund", -40, "USD", -40)]
    assert await total(pod) == (0, 0)


async def coin_act(sandbox, conn, number, act, told):
    """Do one thing in the sandbox and wait until its IPNs are processed."""
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
    await refund_once(pod, sandbox, conn, payment, number)


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
    # The pod works on what the run has read as well, and may be at it when the run ends.
    await all_processed(conn)
    assert await total(pod) == (0, 0)
    assert await status_of(conn, str(payment)) == "refunded"
    await reconcile(dsn, {**sandbox.settings, **LOGIN})
    assert await conn.fetchval("SELECT count(*) FROM settlements") == 2


# What the old software has kept of NOWPayments' answer, by an order number of its own.
KEPT_OF_COINS = {
    "the invoice": lambda invoice, _number: invoice,
    "the invoice as text": lambda invoice, _number: json.dumps(invoice),
    "the callback": lambda invoice, number: {"ipn": {"payment_id": int(number), "invoice_id": int(invoice["id"])}},
    "the payment": lambda _invoice, number: {"payment_id": number, "pay_address": "x"},
    "the address": lambda invoice, _number: {"invoice_url": f"https://nowpayments.io/payment/?iid={invoice['id']}"},
}
ORDERS = ["gift-17", "9b2e4a54-8a40-4d46-9d0c-0f3a9a6a2c11"]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kept", KEPT_OF_COINS)
async def test_an_old_payment_is_found_by_what_nowpayments_answered_whatever_its_order_number(
    pod, sandbox, conn, kept, order
):
    payment = uuid.uuid4()
    invoice = await old_invoice(pod, sandbox, conn, payment, order)
    number = await sandbox.coins(invoice["invoice_url"], "pay")
    await all_processed(conn, at_least=5)
    await conn.execute(
        "UPDATE external_payments SET provider_payload = $1", json.dumps(KEPT_OF_COINS[kept](invoice, number))
    )
    await refund_once(pod, sandbox, conn, payment, number)
    assert await conn.fetchval("SELECT count(*) FROM payments") == 1


@pytest.mark.parametrize("order", ORDERS)
async def test_coins_that_went_back_before_the_old_software_says_paid_leave_the_total(pod, sandbox, conn, order):
    payment = uuid.uuid4()
    invoice = await old_invoice(pod, sandbox, conn, payment, order, status="waiting")
    number = await sandbox.coins(invoice["invoice_url"], "pay")
    await all_processed(conn, at_least=5)
    assert await status_of(conn, str(payment)) == "pending", "the old software judges its own checkouts"
    await sandbox.tells(pod.public, times=2)
    await sandbox.coin_act(number, "refund")
    await said_paid_late(conn, payment)
    assert await ledger(conn, str(payment)) == [("opening", 40, "USD", 40), ("refund", -40, "USD", -40)]
    assert await total(pod) == (0, 0)


@pytest.mark.parametrize("order", ORDERS)
async def test_two_deposits_to_an_invoice_of_another_order_number_go_back_each_by_itself(pod, sandbox, conn, order):
    payment = uuid.uuid4()
    invoice = await old_invoice(pod, sandbox, conn, payment, order)
    number = await sandbox.coins(invoice["invoice_url"], "half")
    await all_processed(conn, at_least=4)
    await coin_act(sandbox, conn, number, "rest", 4)
    assert await total(pod) == (40, 1)
    await coin_act(sandbox, conn, await child_of(sandbox, number), "refund", 1)
    assert await status_of(conn, str(payment)) == "partially_refunded"
    await coin_act(sandbox, conn, number, "refund", 1)
    assert await total(pod) == (0, 0)


async def test_coins_of_an_order_that_nobody_here_made_are_ignored(pod, sandbox, conn):
    """Another shop of the account, whose orders are UUIDs too."""
    payment = uuid.uuid4()
    invoice = await old_invoice(pod, sandbox, conn, payment, ORDERS[1])
    await conn.execute("UPDATE external_payments SET provider_payload = NULL")
    number = await sandbox.coins(invoice["invoice_url"], "pay")
    await all_processed(conn, at_least=5)
    await coin_act(sandbox, conn, number, "refund", 1)
    assert await total(pod) == (40, 1)
    assert await conn.fetchval("SELECT bool_and(ignored_because IS NOT NULL) FROM provider_events")
