"""Packs and plans in euros: credits follow what was paid, and the value in dollars comes when Stripe knows it."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from support.limits import PROGRESS
from support.members import PACK, PLAN, Member
from support.money import all_processed, becomes, ledger
from support.plans import pod_for_plans
from support.purchases import changes, intent_of, post, refund
from support.reconciling import reconcile

pytestmark = pytest.mark.usefixtures("few_links")

MONTH, BOUGHT = (100, "basic_plan_monthly"), (50, "quick_scan_purchase")
SELL = "UPDATE credit_prices SET price_id = $2, amount = NULL, currency = NULL WHERE code = $1 AND active"
RENEWED = "SELECT id::text FROM payments WHERE source = 'renewal'"
# The sandbox pays 1.09 dollars for a euro.
RATE = Decimal("1.09")


@pytest.fixture
async def ada(dsn, sandbox):
    async with pod_for_plans(dsn, sandbox) as pod:
        yield Member(pod)


async def bought(ada, sandbox, conn, code, units, **more):
    """Paid in euros; answers the payment."""
    form = {"currency": "eur", "unit_amount": str(units), "product_data[name]": "Credits", **more}
    price = (await post(sandbox, "prices", **form))["id"]
    await conn.execute(SELL, code, price)
    checkout = await ada.buy(price)
    await sandbox.act(checkout["sessionId"], "pay")
    await becomes(conn, checkout["paymentId"], "completed")
    await all_processed(conn)
    return checkout["paymentId"]


async def press(sandbox, path):
    await sandbox.ask("POST", f"/pay/stripe/{path}", allow_redirects=False)


async def renewed(conn):
    """The payment of the second month."""
    async with asyncio.timeout(PROGRESS):
        while (payment := await conn.fetchval(RENEWED)) is None:
            await asyncio.sleep(0.05)
    await all_processed(conn)
    return payment


async def test_a_plan_is_granted_at_once_and_valued_when_stripe_knows_what_arrived(ada, sandbox, conn, dsn):
    """Events of an invoice's charge do not carry our reference, so a reconciliation asks."""
    await sandbox.values_late()
    payment = await bought(ada, sandbox, conn, PLAN, 900, **{"recurring[interval]": "month"})
    (subscription,) = (await sandbox.stripe("subscriptions"))["data"]
    await press(sandbox, f"subscription/{subscription['id']}/renew")
    payments = [payment, await renewed(conn)]
    assert [await ledger(conn, each) for each in payments] == [[("charge", 9, "EUR", None)]] * 2
    assert await changes(conn, ada.id) == [MONTH, MONTH]
    for invoice in (await sandbox.stripe("invoices?limit=2"))["data"]:
        await press(sandbox, f"invoice/{invoice['id']}/value")
    found = await reconcile(dsn, sandbox.settings)
    assert (found.values_found, found.errors) == (2, 0), found.reasons
    assert [await ledger(conn, each) for each in payments] == [[("charge", 9, "EUR", 9 * RATE)]] * 2
    assert await changes(conn, ada.id) == [MONTH, MONTH]
    assert (await reconcile(dsn, sandbox.settings)).values_asked == 0


@pytest.mark.parametrize("late", [True, False])
async def test_the_half_of_a_pack_that_goes_back_takes_half_of_its_credits(ada, sandbox, conn, dsn, late):
    if late:
        await sandbox.values_late()
    payment = await bought(ada, sandbox, conn, PACK, 500)
    await refund(sandbox, await intent_of(conn, payment), 250)
    await becomes(conn, payment, "partially_refunded")
    await all_processed(conn)
    taken = (-25, "refund_quick_scan_purchase")
    assert await changes(conn, ada.id) == [BOUGHT, taken]
    if late:
        (session,) = (await sandbox.stripe("checkout/sessions"))["data"]
        await sandbox.act(session["id"], "value")
        await reconcile(dsn, sandbox.settings)
    worth = 5 * RATE
    assert await ledger(conn, payment) == [
        ("charge", 5, "EUR", worth), ("refund", Decimal("-2.5"), "EUR", -worth / 2)
    ]  # fmt: skip
    assert await changes(conn, ada.id) == [BOUGHT, taken]
