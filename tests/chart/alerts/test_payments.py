"""Alerts about payments: those that fail, wait, go back or have no value, and providers that do not serve us."""

from __future__ import annotations

from decimal import Decimal

from hingecraft.providers import patience
from support.alerts import SERVICE, proven
from support.buying import DESIGN, Buyer, add_product
from support.members import PACK, Member, sell, show_statistics
from support.money import MICRO, all_processed, becomes, give
from support.purchases import intent_of, refund

BOUGHT, BOUNCED, REFUNDED = 20, 2, 3
# Between two bounds of the histogram that a slow machine does not leave.
EARLIER = "UPDATE payments SET created_at = created_at - interval '200 seconds' WHERE id = $1::uuid"
LONG_AGO = "UPDATE payments SET created_at = created_at - interval '31 days'"
COMPLETED = "SELECT count(*) FROM payments WHERE status = 'completed'"
PRICE_OF_A_COIN = Decimal("0.00025773")  # of 25 USD in bitcoin, at the sandbox


async def pay_slowly(shop, sandbox, conn, design):
    """A member pays more than three minutes after the payment's beginning; answers its id."""
    begun = await Buyer(shop).begin(design)
    await conn.execute(EARLIER, begun["paymentId"])
    await sandbox.act_on_intent(begun["intent"], "pay")
    return begun["paymentId"]


async def bounce(shop, sandbox, conn, price):
    bought = await Member(shop).buy(price)
    for act in ("pay_later", "bounce"):
        await sandbox.act(bought["sessionId"], act)
    await becomes(conn, bought["paymentId"], "failed")


async def test_payments_that_fail_take_long_and_go_back(shop, sandbox, conn):
    design, price = await add_product(shop, DESIGN), (await sell(conn, sandbox, PACK))[PACK]
    async with (
        proven("HingecraftPaymentsFail", shop) as fail,
        proven("HingecraftRefundsHigh", shop) as go_back,
        proven("HingecraftPurchasesSlow", shop) as slow,
        proven("HingecraftMemberPaymentsFail", shop) as members_fail,
        proven("HingecraftMemberRefundsHigh", shop) as members_go_back,
    ):
        payments = [await pay_slowly(shop, sandbox, conn, design) for _ in range(BOUGHT)]
        for _ in range(BOUNCED):
            await bounce(shop, sandbox, conn, price)
        for payment in payments:
            await becomes(conn, payment, "completed")
        for payment in payments[:REFUNDED]:
            await refund(sandbox, await intent_of(conn, payment))
            await becomes(conn, payment, "refunded")
        await all_processed(conn)
        await show_statistics(shop)
        await shop.shows('hingecraft_payments_total{currency="USD",provider="stripe",status="refunded"}', REFUNDED)

        await fail.fires("Only 90.91% of payments through stripe succeed.", provider="stripe")
        await go_back.fires("15% of payments in the last day were refunded.")
        await slow.fires(
            "Half of the members wait longer than 3m 30s from the beginning of a payment to what they buy."
        )
        await members_fail.fires("Only 90.91% of members' payments of the last day succeed.", service=SERVICE)
        await members_go_back.fires("15% of members' payments of the last 30 days were refunded.", service=SERVICE)
        await conn.execute(LONG_AGO)
        await show_statistics(shop)


async def test_all_payments_of_a_provider_fail(shop, sandbox, conn):
    """From the first one of a pod on: none has ever completed there."""
    price = (await sell(conn, sandbox, PACK))[PACK]
    async with proven("HingecraftPaymentsFail", shop) as fail:
        for _ in range(5):
            await bounce(shop, sandbox, conn, price)
        await shop.shows('hingecraft_payments_total{currency="USD",provider="stripe",status="failed"}', 5)
        await fail.fires("Only 0% of payments through stripe succeed.", provider="stripe")


async def test_a_provider_does_not_answer(shop, sandbox, monkeypatch):
    monkeypatch.setattr(patience, "PAUSES", (0.0,))
    async with proven("HingecraftProviderUnreachable", shop) as unreachable:
        await sandbox.fault("status_before", provider="stripe", status=500, times=1000)
        for minutes in (1, 3, 3):
            assert (await shop.call("POST", MICRO, json={"amount": 5}))[0] == 502
            await unreachable.scrape(minutes)
        await unreachable.fires("100% of calls to stripe get no answer.", provider="stripe")
        await sandbox.ask("DELETE", "/_sandbox/faults")


async def test_a_provider_rejects_our_key(shop, sandbox):
    async with proven("HingecraftKeyRejected", shop) as rejected:
        await sandbox.ask("PUT", "/_sandbox/revoked", json=[sandbox.settings["stripe_secret"]])
        assert (await shop.call("POST", MICRO, json={"amount": 5}))[0] == 502
        await rejected.fires("stripe rejects our key, or the key belongs to another account.", provider="stripe")
        await sandbox.ask("DELETE", "/_sandbox/switches")


async def test_a_deposit_has_an_implausible_value(shop, sandbox, conn):
    given = await give(shop, amount=25, currency="BTC")
    async with proven("HingecraftDepositWithoutValue", shop) as without_value:
        payment = await sandbox.coins(given["url"])
        paid = float(4 * PRICE_OF_A_COIN)
        await sandbox.change("payments", payment, payment_status="sending", actually_paid=paid)
        await sandbox.coin_act(payment, "finish")
        await becomes(conn, given["paymentId"], "completed")
        await shop.shows('hingecraft_settlements_without_value_total{provider="nowpayments"}', 1)
        await without_value.fires(
            "A deposit by nowpayments has an implausible value, which must be entered by hand.", provider="nowpayments"
        )
