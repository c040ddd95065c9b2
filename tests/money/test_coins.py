"""Coins: an IPN is a hint, the API is asked, and each payment on an invoice is money of its own."""

from __future__ import annotations

from decimal import Decimal

import pytest

from support.money import all_processed, becomes, give, ledger, status_of


@pytest.fixture
async def invoice(pod, sandbox):
    """25 USD, to be paid in bitcoin."""
    return await give(pod, amount=25, currency="BTC")


BTC = Decimal("0.00025773")


async def test_all_of_it_completes(pod, sandbox, conn, invoice):
    await sandbox.coins(invoice["url"], "pay")
    await becomes(conn, invoice["paymentId"], "completed")
    await all_processed(conn, at_least=5)
    ((kind, amount, currency, worth),) = await ledger(conn, invoice["paymentId"])
    assert (kind, amount, currency, round(worth, 6)) == ("charge", BTC, "BTC", 25)


async def test_half_of_it_waits_and_is_written_down(pod, sandbox, conn, invoice):
    await sandbox.coins(invoice["url"], "half")
    await all_processed(conn, at_least=4)
    assert await status_of(conn, invoice["paymentId"]) == "pending"
    ((kind, amount, _, worth),) = await ledger(conn, invoice["paymentId"])
    assert (kind, round(amount, 8), round(worth, 2)) == ("charge", Decimal("0.00012886"), Decimal("12.50"))


async def test_the_rest_of_it_completes(pod, sandbox, conn, invoice):
    await sandbox.coins(invoice["url"], "half", "rest")
    await becomes(conn, invoice["paymentId"], "completed")
    await all_processed(conn, at_least=8)
    assert sum(amount for _, amount, _, _ in await ledger(conn, invoice["paymentId"])) == BTC
    assert round(await conn.fetchval("SELECT sum(usd_amount) FROM settlements"), 2) == 25


async def test_half_of_it_that_goes_back_fails(pod, sandbox, conn, invoice):
    payment = await sandbox.coins(invoice["url"], "half")
    await all_processed(conn, at_least=4)
    await sandbox.coin_act(payment, "refund")
    await becomes(conn, invoice["paymentId"], "failed")
    assert await conn.fetchval("SELECT sum(amount) FROM settlements") == 0


async def test_short_and_finished_is_an_error_and_its_money_is_there(pod, sandbox, conn, invoice):
    payment = await sandbox.coins(invoice["url"])
    await sandbox.change("payments", payment, payment_status="sending", actually_paid=0.0001)
    await sandbox.coin_act(payment, "finish")
    await becomes(conn, invoice["paymentId"], "error")
    assert [row[:3] for row in await ledger(conn, invoice["paymentId"])] == [("charge", Decimal("0.0001"), "BTC")]


async def test_twice_as_much_completes_with_what_came(pod, sandbox, conn, invoice):
    await sandbox.coins(invoice["url"], "twice")
    await becomes(conn, invoice["paymentId"], "completed")
    ((_, amount, _, worth),) = await ledger(conn, invoice["paymentId"])
    assert (amount, round(worth, 6)) == (BTC * 2, 50)


async def test_another_coin_than_was_asked_for_is_an_error(pod, sandbox, conn, invoice):
    payment = await sandbox.coins(invoice["url"])
    await sandbox.change("payments", payment, pay_currency="ltc")
    await sandbox.coin_act(payment, "pay")
    await becomes(conn, invoice["paymentId"], "error")
    assert (await ledger(conn, invoice["paymentId"]))[0][2] == "LTC"


async def test_two_pay_the_same_invoice_and_both_are_counted(pod, sandbox, conn, invoice):
    first = await sandbox.coins(invoice["url"], "pay")
    second = await sandbox.coins(invoice["url"], "pay")
    await becomes(conn, invoice["paymentId"], "completed")
    await all_processed(conn, at_least=10)
    refs = await conn.fetch("SELECT provider_ref FROM settlements ORDER BY 1")
    assert {row["provider_ref"] for row in refs} == {first, second}
    third = await sandbox.coins(invoice["url"], "expire")
    assert third
    await all_processed(conn, at_least=12)
    assert await status_of(conn, invoice["paymentId"]) == "completed"


@pytest.mark.parametrize(("act", "status"), [("fail", "failed"), ("expire", "expired")])
async def test_what_never_comes_ends_so(pod, sandbox, conn, invoice, act, status):
    await sandbox.coins(invoice["url"], act)
    await becomes(conn, invoice["paymentId"], status)
    # Late money wins.
    await sandbox.coins(invoice["url"], "pay")
    await becomes(conn, invoice["paymentId"], "completed")


async def test_what_goes_back_is_taken_out_of_the_total(pod, sandbox, conn, invoice):
    payment = await sandbox.coins(invoice["url"], "pay")
    await becomes(conn, invoice["paymentId"], "completed")
    await sandbox.coin_act(payment, "refund")
    await becomes(conn, invoice["paymentId"], "refunded")
    _, answer = await pod.call("GET", "/charter/total")
    assert answer["data"]["total"] == 0


async def test_a_standing_invoice_takes_many_and_each_is_a_payment(pod, sandbox, conn):
    made = await sandbox.ask(
        "POST", "/nowpayments/v1/invoice", headers={"x-api-key": "sandbox-key"},
        json={"price_amount": 10, "price_currency": "usd", "pay_currency": "eth",
              "ipn_callback_url": f"{pod.public}/webhooks/nowpayments"},
    )  # fmt: skip
    await conn.execute(
        "INSERT INTO external_payments (gateway, provider_url, currency) VALUES ('nowpayments', $1, 'eth')",
        made["invoice_url"],
    )  # fmt: skip
    for act in ("pay", "pay", "expire", "half"):
        await sandbox.coins(made["invoice_url"], act, coin="eth")
    await all_processed(conn, at_least=16)
    rows = await conn.fetch("SELECT status, source, price_currency, amount FROM payments ORDER BY status")
    assert [tuple(row) for row in rows] == [
        ("completed", "standing_link", "USD", 10), ("completed", "standing_link", "USD", 10),
        ("pending", "standing_link", "USD", 10),
    ]  # fmt: skip
    assert await conn.fetchval("SELECT count(*) FROM settlements") == 3
