"""Subscriptions in the sandbox, asked for with Stripe's own library: each period an invoice, in today's shapes."""

from __future__ import annotations

import pytest
import stripe

from support.discounts import enter_code
from support.stripe_sandbox import Subscriber, stripe_client


@pytest.fixture
async def client(sandbox):
    http = stripe.AIOHTTPClient()
    yield stripe_client(sandbox, http)
    await http.close_async()


async def subscribed(client, sandbox, *amounts, **data):
    subscriber = Subscriber(client, sandbox)
    session = await subscriber.buy(*amounts or (900,), **data)
    assert session.status == "complete"
    return await subscriber.now(), session


async def told(client):
    return [event.type for event in (await client.events.list_async({"limit": 20})).data]


async def test_the_first_period_is_paid_on_the_page(client, sandbox):
    subscription, session = await subscribed(client, sandbox)
    assert (subscription.status, subscription.metadata["member"]) == ("active", "m_1")
    assert (session.payment_intent, session.customer) == (None, subscription.customer)
    item = subscription["items"].data[0]
    assert item.current_period_end - item.current_period_start in {days * 86_400 for days in (28, 29, 30, 31)}
    assert (subscription.latest_invoice, subscription.cancel_at_period_end) == (session.invoice, False)
    assert list(reversed(await told(client))) == [
        "customer.created", "customer.subscription.created", "invoice.created", "invoice.finalized",
        "payment_intent.created", "payment_intent.succeeded", "charge.succeeded", "invoice.paid",
        "invoice.payment_succeeded", "invoice_payment.paid", "checkout.session.completed",
    ]  # fmt: skip


async def test_an_invoice_has_the_shape_of_today(client, sandbox):
    subscription, session = await subscribed(client, sandbox)
    item = subscription["items"].data[0]
    invoice = await client.invoices.retrieve_async(session.invoice)
    parent = invoice.parent.subscription_details
    assert (parent.subscription, parent.metadata["member"]) == (subscription.id, "m_1")
    assert (invoice.amount_paid, invoice.billing_reason, invoice.status) == (900, "subscription_create", "paid")
    (line,) = invoice.lines.data
    assert (line.pricing.price_details.price, line.pricing.price_details.product) == (item.price.id, item.price.product)
    assert (line.period.start, line.period.end) == (item.current_period_start, item.current_period_end)
    assert (line.amount, line.parent.subscription_item_details.proration) == (900, False)
    assert not {"payment_intent", "charge", "subscription", "payments", "confirmation_secret"} & set(invoice.to_dict())


async def test_the_payment_of_an_invoice_is_found_only_by_asking(client, sandbox):
    _, session = await subscribed(client, sandbox)
    invoice = await client.invoices.retrieve_async(
        session.invoice, {"expand": ["payments.data.payment.payment_intent"]}
    )
    (paid,) = invoice.payments.data
    intent = paid.payment.payment_intent
    assert (paid.status, paid.amount_paid, intent.status) == ("paid", 900, "succeeded")
    assert (intent.metadata.to_dict(), "invoice" in intent.to_dict()) == ({}, False)
    (payment,) = (await client.invoice_payments.list_async(
        {"payment": {"type": "payment_intent", "payment_intent": intent.id}}
    )).data  # fmt: skip
    assert payment.invoice == invoice.id
    events = (await client.events.list_async({"limit": 20})).data
    assert not any("payments" in event.data.object.to_dict() for event in events if event.type.startswith("invoice."))


async def test_a_first_period_that_costs_nothing_has_an_invoice_and_no_payment(client, sandbox):
    _, session = await subscribed(client, sandbox, 0)
    invoice = await client.invoices.retrieve_async(session.invoice, {"expand": ["payments"]})
    assert (invoice.total, invoice.status, invoice.payments.data) == (0, "paid", [])
    assert session.payment_status == "no_payment_required"


@pytest.mark.parametrize("mode", ["payment", "subscription"])
async def test_a_mode_takes_its_own_kind_of_price(client, mode):
    recurring = {} if mode == "subscription" else {"recurring": {"interval": "week"}}
    price = await client.prices.create_async(
        {"currency": "usd", "unit_amount": 900, "product_data": {"name": "Plan"}, **recurring}
    )
    with pytest.raises(stripe.InvalidRequestError, match="recurring"):
        await client.checkout.sessions.create_async(
            {"mode": mode, "line_items": [{"price": price.id}], "success_url": "https://www.example.com/"}
        )


async def test_a_promotion_code_discounts_each_invoice_until_it_ends(client, sandbox):
    coupon = await client.coupons.create_async({"percent_off": 25, "duration": "repeating", "duration_in_months": 1})
    code = await client.promotion_codes.create_async(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": "Quarter", "max_redemptions": 1}
    )
    subscriber = Subscriber(client, sandbox)
    session = await subscriber.open(900)
    await enter_code(sandbox, session.id, "QUARTER")
    await sandbox.act(session.id, "pay")
    session = await client.checkout.sessions.retrieve_async(session.id)
    assert (session.amount_subtotal, session.amount_total, session.total_details.amount_discount) == (900, 675, 225)
    assert [each.promotion_code for each in session.discounts] == [code.id]
    subscription = await client.subscriptions.retrieve_async(session.subscription, {"expand": ["discounts"]})
    (discount,) = subscription.discounts
    assert (discount.source.coupon, discount.promotion_code, discount.subscription) == (
        coupon.id, code.id, subscription.id,
    )  # fmt: skip
    first = await client.invoices.retrieve_async(session.invoice)
    assert (first.subtotal, first.total, first.amount_paid, first.discounts) == (900, 675, 675, [discount.id])
    assert [each.amount for each in first.lines.data[0].discount_amounts] == [225]
    subscriber.id = subscription.id
    await subscriber.press("renew")
    assert (await subscriber.invoices())[0].amount_paid == 900
    assert (await subscriber.now()).discounts == []
    assert (await client.promotion_codes.retrieve_async(code.id)).times_redeemed == 1
    again = await Subscriber(client, sandbox).open(900)
    refused = await sandbox.ask("GET", f"/pay/stripe/c/{again.id}")
    assert "Quarter" in refused
    with pytest.raises(AssertionError, match="This code is invalid"):
        await enter_code(sandbox, again.id, "QUARTER")


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"duration": "once"}, "exactly one of percent_off and amount_off"),
        ({"percent_off": 0}, "more than 0 and at most 100"),
        ({"percent_off": 101}, "more than 0 and at most 100"),
        ({"amount_off": 100}, "needs a currency"),
        ({"percent_off": 5, "duration": "repeating"}, "duration_in_months"),
        ({"percent_off": 5, "duration": "sometimes"}, "must be one of"),
    ],
)
async def test_a_coupon_that_stripe_would_reject_is_rejected(client, terms, message):
    with pytest.raises(stripe.InvalidRequestError, match=message):
        await client.coupons.create_async(terms)


async def test_where_nothing_is_left_to_pay_there_is_no_transfer_and_no_card(client, sandbox):
    coupon = await client.coupons.create_async({"percent_off": 100})
    await client.promotion_codes.create_async(
        {"promotion": {"type": "coupon", "coupon": coupon.id}, "code": f"ALL-{coupon.id}"}
    )
    session = await Subscriber(client, sandbox).open(900)
    await enter_code(sandbox, session.id, f"ALL-{coupon.id}")
    for act in ("pay_later", "fail"):
        with pytest.raises(AssertionError, match="Nothing is left to pay"):
            await sandbox.act(session.id, act)
    await sandbox.act(session.id, "pay")
    session = await client.checkout.sessions.retrieve_async(session.id)
    assert (session.status, session.payment_status) == ("complete", "no_payment_required")
    assert (await client.invoices.retrieve_async(session.invoice, {"expand": ["payments"]})).payments.data == []
