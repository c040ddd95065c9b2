"""Credit notes before and after the payment, and currencies without decimals or with three."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from support.limits import PROGRESS
from support.members import PACK, PLAN, sell
from support.money import all_processed, becomes, ledger
from support.plans import pod_for_plans
from support.purchases import changes, intent_of, post, refund

MONTH, BOUGHT = (100, "basic_plan_monthly"), (50, "quick_scan_purchase")
RENEWAL = "SELECT id::text FROM payments WHERE source = 'renewal'"


@pytest.fixture
async def pod(dsn, sandbox):
    async with pod_for_plans(dsn, sandbox) as running:
        yield running


@pytest.fixture
async def plan(ada, sandbox, conn):
    bought = await ada.buy((await sell(conn, sandbox, PLAN))[PLAN])
    await sandbox.act(bought["sessionId"], "pay")
    await becomes(conn, bought["paymentId"], "completed")
    await all_processed(conn)
    (bought["subscription"],) = [each["id"] for each in (await sandbox.stripe("subscriptions"))["data"]]
    (bought["invoice"],) = [each["id"] for each in (await sandbox.stripe("invoices"))["data"]]
    return bought


async def press(sandbox, kind, key, act):
    await sandbox.ask("POST", f"/pay/stripe/{kind}/{key}/{act}", allow_redirects=False)


async def renewed(conn):
    """The renewal's payment, once it is completed."""
    async with asyncio.timeout(PROGRESS):
        while (payment := await conn.fetchval(RENEWAL)) is None:
            await asyncio.sleep(0.05)
    await becomes(conn, payment, "completed")
    await all_processed(conn)
    return payment


async def test_a_credit_note_that_refunds_takes_its_part_back(ada, plan, sandbox, conn):
    await post(sandbox, "credit_notes", invoice=plan["invoice"], amount="450", refund_amount="450")
    await becomes(conn, plan["paymentId"], "partially_refunded")
    assert await changes(conn, ada.id) == [MONTH, (-50, "refund_basic_plan_monthly")]


async def test_a_credit_note_to_the_customers_balance_moves_no_money_and_takes_nothing(ada, plan, sandbox, conn):
    await post(sandbox, "credit_notes", invoice=plan["invoice"], amount="450", credit_amount="450")
    await all_processed(conn)
    assert await changes(conn, ada.id) == [MONTH]
    await press(sandbox, "subscription", plan["subscription"], "renew")
    await renewed(conn)
    assert await changes(conn, ada.id) == [MONTH, MONTH], "a regular line grants what it says, also from the balance"


@pytest.mark.parametrize(("amount", "paid"), [(450, Decimal("4.5")), (900, None)])
async def test_a_credit_note_before_the_payment_is_a_discount(ada, plan, sandbox, conn, amount, paid):
    await press(sandbox, "subscription", plan["subscription"], "decline")
    (invoice, *_) = (await sandbox.stripe("invoices"))["data"]
    await post(sandbox, "credit_notes", invoice=invoice["id"], amount=str(amount))
    if paid is not None:
        await press(sandbox, "subscription", plan["subscription"], "fix_card")
        await press(sandbox, "invoice", invoice["id"], "pay")
    payment = await renewed(conn)
    assert await ledger(conn, payment) == ([("charge", paid, "USD", paid)] if paid else [])
    assert await changes(conn, ada.id) == [MONTH, MONTH]
    if paid is not None:
        await refund(sandbox, await intent_of(conn, payment))
        await becomes(conn, payment, "refunded")
        assert await changes(conn, ada.id) == [MONTH, MONTH, (-100, "refund_basic_plan_monthly")]


# The amount at Stripe, what that is, a refund at Stripe, and what is taken of 50 and of 100 credits.
CURRENCIES = {
    "jpy": (500, Decimal(500), 33, -3, -6),
    "kwd": (1500, Decimal("1.5"), 10, 0, 0),
    "usd": (501, Decimal("5.01"), 167, -16, -33),
}


@pytest.mark.parametrize("currency", CURRENCIES)
@pytest.mark.parametrize("code", [PACK, PLAN])
async def test_each_currency_grants_and_takes_back_by_its_own_units(ada, sandbox, conn, currency, code):
    units, amount, back, of_pack, of_plan = CURRENCIES[currency]
    recurring = {"recurring[interval]": "month"} if code == PLAN else {}
    form = {"currency": currency, "unit_amount": str(units), "product_data[name]": "Credits", **recurring}
    price = (await post(sandbox, "prices", **form))["id"]
    await conn.execute("UPDATE credit_prices SET price_id = $2 WHERE code = $1 AND active", code, price)
    bought = await ada.buy(price)
    await sandbox.act(bought["sessionId"], "pay")
    await becomes(conn, bought["paymentId"], "completed")
    await all_processed(conn)
    ((kind, came, unit, _),) = await ledger(conn, bought["paymentId"])
    assert (kind, came, unit) == ("charge", amount, currency.upper())
    await refund(sandbox, await intent_of(conn, bought["paymentId"]), back)
    await becomes(conn, bought["paymentId"], "partially_refunded")
    granted, taken = (BOUGHT, of_pack) if code == PACK else (MONTH, of_plan)
    assert await changes(conn, ada.id) == [granted, *([(taken, f"refund_{granted[1]}")] if taken else [])]
