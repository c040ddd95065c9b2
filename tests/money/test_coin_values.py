"""The value of a later deposit in coins: from its own price, in its own coin, and never an impossible one."""

from __future__ import annotations

import asyncio
import json
import logging
from decimal import Decimal

import pytest

from hingecraft_sandbox.providers.webhooks import nowpayments_headers
from support.money import all_processed, becomes, give, ledger, send_ipn, status_of
from support.provider_records import coin_payments

BTC = Decimal("0.00025773")


@pytest.fixture
async def invoice(pod, sandbox):
    """25 USD, to be paid in bitcoin."""
    return await give(pod, amount=25, currency="BTC")


async def total(pod):
    _, answer = await pod.call("GET", "/charter/total")
    return answer["data"]["total"]


async def first_and_later(sandbox, parent):
    """A payment, and the deposit that followed at its address."""
    payments = await coin_payments(sandbox)
    (first,) = [each for each in payments if str(each["payment_id"]) == parent]
    (later,) = [each for each in payments if str(each["parent_payment_id"]) == parent]
    return first, later


async def told(pod, payment):
    """Deliver a signed IPN about a payment, as NOWPayments does."""
    body = json.dumps(payment, separators=(",", ":"), ensure_ascii=False).encode()
    signature = nowpayments_headers("sandbox-ipn-secret", payment)["x-nowpayments-sig"]
    assert (await send_ipn(pod, body, signature))[0] == 200


async def test_another_coin_sent_to_the_address_is_worth_its_own_price(pod, sandbox, conn, invoice):
    await sandbox.coins(invoice["url"], "wrong_asset")
    await becomes(conn, invoice["paymentId"], "error")
    await all_processed(conn, at_least=5)
    assert await ledger(conn, invoice["paymentId"]) == [("charge", 25, "USDT", 25)]
    assert await total(pod) == 25


async def test_another_coin_priced_in_the_coin_that_was_asked_for_has_no_value(pod, sandbox, conn, invoice, caplog):
    """A child that only repeats its parent's price and amount says nothing about what the other coin is worth."""
    await sandbox.tells(pod.public, enabled=False)
    parent = await sandbox.coins(invoice["url"], "wrong_asset")
    first, later = await first_and_later(sandbox, parent)
    repeated = {name: first[name] for name in ("price_amount", "pay_amount")}
    await sandbox.change("payments", str(later["payment_id"]), **repeated)
    with caplog.at_level(logging.ERROR):
        await told(pod, later)
        await all_processed(conn)
    assert await ledger(conn, invoice["paymentId"]) == [("charge", 25, "USDT", None)]
    assert await total(pod) == 0
    assert any(
        "25 USDT" in record.getMessage() and "without a value" in record.getMessage() for record in caplog.records
    )
    await pod.shows('hingecraft_settlements_without_value_total{provider="nowpayments"}', 1)


@pytest.mark.parametrize(("times", "worth"), [(3, 75), ("3.1", None)])
async def test_more_than_three_times_the_price_is_valued_by_a_person(pod, sandbox, conn, invoice, times, worth):
    payment = await sandbox.coins(invoice["url"])
    paid = BTC * Decimal(times)
    await sandbox.change("payments", payment, payment_status="sending", actually_paid=float(paid))
    await sandbox.coin_act(payment, "finish")
    await becomes(conn, invoice["paymentId"], "completed")
    ((_, amount, _, usd),) = await ledger(conn, invoice["paymentId"])
    assert (amount, usd and round(usd, 6)) == (paid, worth)


async def test_a_later_deposit_is_worth_the_rate_of_its_day(pod, sandbox, conn, invoice):
    payment = await sandbox.coins(invoice["url"], "pay")
    await becomes(conn, invoice["paymentId"], "completed")
    await sandbox.ask("PUT", "/_sandbox/rates", json={"btc": 2})
    await sandbox.coin_act(payment, "again")
    await all_processed(conn, at_least=9)
    found = [(amount, round(worth, 2)) for _, amount, _, worth in await ledger(conn, invoice["paymentId"])]
    assert found == [(BTC, 25), (BTC, 50)]
    assert await status_of(conn, invoice["paymentId"]) == "completed"


async def standing_invoice(pod, sandbox, conn, price_currency="usd"):
    made = await sandbox.ask(
        "POST", "/nowpayments/v1/invoice", headers={"x-api-key": "sandbox-key"},
        json={"price_amount": 10, "price_currency": price_currency, "pay_currency": "eth",
              "ipn_callback_url": f"{pod.public}/webhooks/nowpayments"},
    )  # fmt: skip
    await conn.execute(
        "INSERT INTO external_payments (gateway, provider_url, currency) VALUES ('nowpayments', $1, 'eth')",
        made["invoice_url"],
    )  # fmt: skip
    return made["invoice_url"]


@pytest.mark.parametrize("order", ["half first", "rest first", "at once"])
async def test_half_and_the_rest_of_a_standing_invoice_are_one_payment(pod, sandbox, conn, order):
    """In either order, and when each of the two is reported twice."""
    url = await standing_invoice(pod, sandbox, conn)
    await sandbox.tells(pod.public, enabled=False)
    parent = await sandbox.coins(url, "half", "rest", coin="eth")
    payments = await first_and_later(sandbox, parent)
    if order == "at once":
        await asyncio.gather(*(told(pod, payment) for payment in payments))
    for number, payment in enumerate([*(reversed(payments) if order == "rest first" else payments), *payments]):
        await told(pod, {**payment, "updated_at": str(number)})
        await all_processed(conn)
    rows = await conn.fetch(
        "SELECT p.status, p.amount, round(sum(s.usd_amount), 2) AS came, count(*) AS movements FROM payments p "
        "JOIN settlements s ON s.payment_id = p.id GROUP BY p.id"
    )
    assert [tuple(row) for row in rows] == [("completed", 10, 10, 2)]


@pytest.mark.parametrize("network", ["usdttrc20", "usdterc20"])
async def test_a_stablecoin_is_asked_for_on_a_network_and_taken_on_any(pod, sandbox, conn, network):
    given = await give(pod, amount=25, currency="USDT")
    request = json.loads(await conn.fetchval("SELECT request FROM external_payments WHERE kind = 'single'"))
    assert request["pay_currency"] == "usdttrc20"
    await sandbox.coins(given["url"], "pay", coin=network)
    await becomes(conn, given["paymentId"], "completed")
    assert await ledger(conn, given["paymentId"]) == [("charge", 25, "USDT", 25)]


@pytest.mark.parametrize("rates", [{}, {"EUR": "1.1"}, {"ETH": "2500"}, {"EUR": "1.1", "ETH": "2500"}])
async def test_a_payment_that_is_first_seen_as_refunded_leaves_nothing_in_the_total(pod, sandbox, conn, rates):
    """Its price is in euros: what came has a value where there is a rate, and what went back has the same."""
    for currency, usd in rates.items():
        await conn.execute(
            "INSERT INTO fx_rates VALUES ($1, (now() AT TIME ZONE 'UTC')::date, $2)", currency, Decimal(usd)
        )
    url = await standing_invoice(pod, sandbox, conn, "eur")
    await sandbox.tells(pod.public, enabled=False)
    made = await sandbox.coins(url, "pay", coin="eth")
    await sandbox.change("payments", made, payment_status="refunded")
    (payment,) = [each for each in await coin_payments(sandbox) if str(each["payment_id"]) == made]
    for number in range(2):
        await told(pod, {**payment, "updated_at": str(number)})
    await all_processed(conn, at_least=2)
    rows = await conn.fetch(
        "SELECT p.status, s.kind, s.usd_amount FROM payments p JOIN settlements s ON s.payment_id = p.id"
    )
    values = {row["kind"]: row["usd_amount"] for row in rows}
    assert ({row["status"] for row in rows}, len(rows)) == ({"refunded"}, 2)
    assert (values["charge"] is not None) == bool(rates)
    assert values["refund"] == (-values["charge"] if rates else None)
    _, answer = await pod.call("GET", "/charter/total")
    shown = answer["data"]
    assert (shown["total"], shown["count"], shown["byCurrency"].get("ETH", "0"), shown["unconverted"]) == (
        0,
        0,
        "0",
        {},
    )
