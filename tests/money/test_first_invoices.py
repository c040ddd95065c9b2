"""The payment that a first invoice belongs to: copied metadata, payments in parts, other items on the invoice."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from uuid import uuid4

import pytest

from hingecraft.steps import Options
from support.limits import PROGRESS
from support.members import PACK, PLAN, Member, sell
from support.money import all_processed, becomes, ledger, send_stripe, status_of, stripe_event
from support.plans import pod_for_plans
from support.purchases import changes, customer_of, post, refund, rows
from support.reconciling import reconciler

MONTH = (100, "basic_plan_monthly")
OF_INVOICE = "SELECT payment_id::text FROM external_payments WHERE provider_id = $1"
MOVEMENTS = "SELECT count(*) FROM settlements s JOIN payments p ON p.id = s.payment_id WHERE p.source = 'renewal'"
OWN = "SELECT id::text, amount, status, user_id FROM payments WHERE source = 'renewal' ORDER BY created_at"


@pytest.fixture
async def pod(dsn, sandbox):
    async with pod_for_plans(dsn, sandbox) as running:
        yield running


@pytest.fixture
async def prices(pod, sandbox, conn):
    return await sell(conn, sandbox, PLAN, PACK)


async def subscribe_elsewhere(sandbox, conn, member, price, **metadata):
    """Make a subscription in the account with this metadata, without us; returns its first invoice."""
    session = await post(
        sandbox, "checkout/sessions", mode="subscription", customer=await customer_of(conn, member),
        success_url="https://www.example.com/",
        **{"line_items[0][price]": price, "line_items[0][quantity]": "1"},
        **{f"subscription_data[metadata][{name}]": value for name, value in metadata.items()},
    )  # fmt: skip
    await sandbox.act(session["id"], "pay")
    return (await sandbox.stripe(f"checkout/sessions/{session['id']}"))["invoice"]


async def ours(conn, member, payment):
    installation = str(await conn.fetchval("SELECT id FROM installation"))
    return {"payment_id": payment, "userId": str(member.id), "installation": installation, "purpose": "credits"}


async def payment_of(conn, invoice):
    """The payment of an invoice, once its event was processed."""
    async with asyncio.timeout(PROGRESS):
        while (found := await conn.fetchval(OF_INVOICE, invoice)) is None:
            await asyncio.sleep(0.05)
    await all_processed(conn)
    return found


async def own_payment(conn, settlements):
    """The one payment that was made for an invoice, once it has so many movements."""
    async with asyncio.timeout(PROGRESS):
        while await conn.fetchval(MOVEMENTS) < settlements:
            await asyncio.sleep(0.05)
    await all_processed(conn)
    (payment,) = await conn.fetch(OWN)
    return payment


async def test_copied_metadata_books_no_invoice_on_another_users_payment(pod, ada, prices, sandbox, conn):
    bob = Member(pod, email="bob@example.com")
    bought = await bob.buy(prices[PLAN])
    await ada.buy(prices[PACK])
    for metadata in ({"payment_id": bought["paymentId"]}, await ours(conn, bob, bought["paymentId"])):
        invoice = await subscribe_elsewhere(sandbox, conn, ada, prices[PLAN], **metadata)
        own = await payment_of(conn, invoice)
        assert own != bought["paymentId"]
        assert (await conn.fetchval("SELECT user_id FROM payments WHERE id = $1::uuid", own)) == ada.id
    assert await status_of(conn, bought["paymentId"]) == "pending"
    assert (await changes(conn, ada.id), await changes(conn, bob.id)) == ([MONTH] * 2, [])
    await sandbox.act(bought["sessionId"], "pay")
    await becomes(conn, bought["paymentId"], "completed")
    assert await changes(conn, bob.id) == [MONTH]


@pytest.mark.parametrize("taken", ["by its own invoice", "by a pack's session", "in the other mode", "by nobody"])
async def test_a_payment_that_cannot_be_the_invoices_own_gets_none(ada, prices, sandbox, conn, taken):
    if taken == "by its own invoice":
        bought = await ada.buy(prices[PLAN])
        await sandbox.act(bought["sessionId"], "pay")
        await becomes(conn, bought["paymentId"], "completed")
    else:
        bought = await ada.buy(prices[PACK])
    named = str(uuid4()) if taken == "by nobody" else bought["paymentId"]
    if taken == "in the other mode":
        await conn.execute("UPDATE payments SET livemode = true WHERE id = $1::uuid", named)
    before = (await status_of(conn, named), await changes(conn, ada.id))
    invoice = await subscribe_elsewhere(sandbox, conn, ada, prices[PLAN], payment_id=named)
    assert await payment_of(conn, invoice) != named
    assert await status_of(conn, named) == before[0]
    assert await changes(conn, ada.id) == [*before[1], MONTH]
    assert [tuple(row)[1:] for row in await conn.fetch(OWN)] == [(Decimal(9), "completed", ada.id)]


async def test_two_invoices_that_name_one_payment_at_once_do_not_share_it(pod, ada, prices, sandbox, conn):
    bought = await ada.buy(prices[PLAN])
    await sandbox.tells(pod.public, enabled=False)
    await sandbox.act(bought["sessionId"], "pay")
    copied = await subscribe_elsewhere(sandbox, conn, ada, prices[PLAN], payment_id=bought["paymentId"])
    mine = (await sandbox.stripe(f"checkout/sessions/{bought['sessionId']}"))["invoice"]
    for invoice in (mine, copied):
        for kind in ("invoice.paid", "invoice.payment_succeeded"):
            subject = await sandbox.stripe(f"invoices/{invoice}")
            assert (await send_stripe(pod, stripe_event(kind, subject)))[0] == 200
    await all_processed(conn, at_least=4)
    assert await payment_of(conn, mine) != await payment_of(conn, copied)
    assert await changes(conn, ada.id) == [MONTH] * 2
    assert await conn.fetchval("SELECT count(*) FROM settlements") == 2
    assert await status_of(conn, bought["paymentId"]) == "completed"


async def test_items_that_waited_for_the_first_invoice_do_not_make_it_a_mismatch(ada, prices, sandbox, conn):
    bought = await ada.buy(prices[PLAN])
    await post(
        sandbox, "invoiceitems", customer=await customer_of(conn, ada), amount="500", currency="usd", description="Help"
    )
    await sandbox.act(bought["sessionId"], "pay")
    await becomes(conn, bought["paymentId"], "completed")
    await all_processed(conn)
    assert await changes(conn, ada.id) == [MONTH]
    assert await ledger(conn, bought["paymentId"]) == [("charge", 14, "USD", 14)], "what was paid is what is recorded"
    await refund(sandbox, (await rows(conn, ada.id))[0]["stripe_payment_id"], 700)
    await becomes(conn, bought["paymentId"], "partially_refunded")
    assert await changes(conn, ada.id) == [MONTH, (-50, "refund_basic_plan_monthly")]


async def test_a_plan_that_costs_something_else_than_was_asked_is_still_an_error(ada, prices, sandbox, conn):
    bought = await ada.buy(prices[PLAN])
    await conn.execute("UPDATE payments SET amount = 7 WHERE id = $1::uuid", bought["paymentId"])
    await sandbox.act(bought["sessionId"], "pay")
    await becomes(conn, bought["paymentId"], "error")
    assert await changes(conn, ada.id) == []


async def press(sandbox, kind, key, act):
    await sandbox.ask("POST", f"/pay/stripe/{kind}/{key}/{act}", allow_redirects=False)


@pytest.fixture
async def part_paid(ada, prices, sandbox, conn):
    """A renewal whose card was declined and of which half was paid in another way; answers invoice and intent."""
    bought = await ada.buy(prices[PLAN])
    await sandbox.act(bought["sessionId"], "pay")
    await becomes(conn, bought["paymentId"], "completed")
    (subscription,) = (await sandbox.stripe("subscriptions"))["data"]
    await press(sandbox, "subscription", subscription["id"], "decline")
    (invoice, *_) = (await sandbox.stripe("invoices"))["data"]
    await press(sandbox, "invoice", invoice["id"], "pay_half")
    payments = (await sandbox.stripe(f"invoice_payments?invoice={invoice['id']}"))["data"]
    (intent,) = [each["payment"]["payment_intent"] for each in payments if each["status"] == "paid"]
    await press(sandbox, "subscription", subscription["id"], "fix_card")
    await all_processed(conn)
    return invoice["id"], intent


async def test_the_refund_of_one_payment_of_an_open_invoice_is_booked_and_counts_when_it_is_paid(
    ada, part_paid, sandbox, conn
):
    invoice, intent = part_paid
    assert await conn.fetch(OWN) == []
    await refund(sandbox, intent, 225)
    payment = await own_payment(conn, 2)
    assert tuple(payment)[1:3] == (Decimal(9), "pending")
    half = [("charge", Decimal("4.5"), "USD", Decimal("4.5")), ("refund", Decimal("-2.25"), "USD", Decimal("-2.25"))]
    assert await ledger(conn, payment["id"]) == half
    assert await changes(conn, ada.id) == [MONTH]
    await press(sandbox, "invoice", invoice, "pay")
    await becomes(conn, payment["id"], "partially_refunded")
    await all_processed(conn)
    assert len(await conn.fetch(OWN)) == 1
    assert sorted(await ledger(conn, payment["id"])) == sorted([*half, half[0]])
    assert await changes(conn, ada.id) == [MONTH, MONTH, (-25, "refund_basic_plan_monthly")]


async def test_an_open_invoice_that_was_paid_in_part_ends_when_it_is_void(ada, part_paid, sandbox, conn):
    invoice, intent = part_paid
    await refund(sandbox, intent)
    payment = await own_payment(conn, 2)
    await post(sandbox, f"invoices/{invoice}/void")
    await becomes(conn, payment["id"], "expired")
    assert await conn.fetchval("SELECT sum(amount) FROM settlements WHERE payment_id = $1::uuid", payment["id"]) == 0
    assert await changes(conn, ada.id) == [MONTH]


ENDS = {"arrive": ("completed", [MONTH]), "bounce": ("failed", [])}


@pytest.mark.parametrize("act", ENDS)
@pytest.mark.parametrize("lost", [False, True])
async def test_a_delayed_method_of_a_plan_ends_also_if_its_event_is_lost(dsn, ada, prices, sandbox, conn, act, lost):
    bought = await ada.buy(prices[PLAN])
    await sandbox.act(bought["sessionId"], "pay_later")
    await all_processed(conn, at_least=2)
    assert await status_of(conn, bought["paymentId"]) == "pending"
    if lost:
        await sandbox.tells(ada.pod.public, enabled=False)
    await sandbox.act(bought["sessionId"], act)
    if lost:
        await sandbox.ask("DELETE", "/_sandbox/book/events")
        async with reconciler(dsn, **sandbox.settings) as each:
            for _ in range(2):
                assert (await each.run(Options(every_checkout=True))).errors == 0
    await becomes(conn, bought["paymentId"], ENDS[act][0])
    assert await changes(conn, ada.id) == ENDS[act][1]


async def test_a_delayed_payment_that_is_still_on_its_way_stays_open(pod, dsn, ada, prices, sandbox, conn):
    bought = await ada.buy(prices[PLAN])
    await sandbox.act(bought["sessionId"], "pay_later")
    async with reconciler(dsn, **sandbox.settings) as each:
        assert (await each.run(Options(every_checkout=True))).errors == 0
    assert await status_of(conn, bought["paymentId"]) == "pending"
