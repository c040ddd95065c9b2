"""Subscriptions in the sandbox, asked for with Stripe's own library: each period an invoice, in today's shapes."""

from __future__ import annotations

import pytest
import stripe

from support.sandbox import STRIPE_KEY


@pytest.fixture
async def client(sandbox):
    http = stripe.HTTPXClient()
    yield stripe.StripeClient(
        STRIPE_KEY, http_client=http, max_network_retries=0, base_addresses={"api": sandbox.address}
    ).v1
    await http.close_async()


async def subscribed(client, sandbox, amount=900):
    price = await client.prices.create_async(
        {"currency": "usd", "unit_amount": amount, "recurring": {"interval": "month"}, "product_data": {"name": "Plan"}}
    )
    session = await client.checkout.sessions.create_async(
        {
            "mode": "subscription", "line_items": [{"price": price.id, "quantity": 1}],
            "customer_email": "a@example.com",
            "success_url": "https://www.example.com/", "subscription_data": {"metadata": {"member": "m_1"}},
        }
    )  # fmt: skip
    await sandbox.act(session.id, "pay")
    session = await client.checkout.sessions.retrieve_async(session.id)
    assert (session.status, session.payment_status) == ("complete", "paid")
    return await client.subscriptions.retrieve_async(session.subscription), session


async def told(client):
    return [event.type for event in (await client.events.list_async({"limit": 20})).data]


async def move(sandbox, subscription, act):
    await sandbox.ask("POST", f"/pay/stripe/subscription/{subscription.id}/{act}", allow_redirects=False)


async def test_the_first_period_is_paid_on_the_page(client, sandbox):
    subscription, session = await subscribed(client, sandbox)
    assert (subscription.status, subscription.metadata["member"]) == ("active", "m_1")
    item = subscription["items"].data[0]
    assert item.current_period_end - item.current_period_start == 30 * 86_400
    invoice = await client.invoices.retrieve_async(session.invoice)
    assert invoice.parent.subscription_details.subscription == subscription.id
    assert (invoice.amount_paid, invoice.billing_reason) == (900, "subscription_create")
    assert invoice.lines.data[0].pricing.price_details.price == item.price.id
    intent = invoice.payments.data[0].payment.payment_intent
    (payment,) = (await client.invoice_payments.list_async(
        {"payment": {"type": "payment_intent", "payment_intent": intent}}
    )).data  # fmt: skip
    assert payment.invoice == invoice.id
    assert (await told(client))[:5] == [
        "checkout.session.completed", "invoice.paid", "charge.succeeded", "payment_intent.succeeded",
        "customer.subscription.created",
    ]  # fmt: skip


async def test_periods_go_by_until_it_is_cancelled(client, sandbox):
    subscription, _ = await subscribed(client, sandbox)
    await move(sandbox, subscription, "renew")
    await move(sandbox, subscription, "decline")
    assert (await client.subscriptions.retrieve_async(subscription.id)).status == "past_due"
    assert (await told(client))[:3] == [
        "customer.subscription.updated", "invoice.payment_failed", "payment_intent.payment_failed",
    ]  # fmt: skip
    await move(sandbox, subscription, "renew")
    await client.subscriptions.update_async(subscription.id, {"cancel_at_period_end": True})
    await move(sandbox, subscription, "renew")
    ended = await client.subscriptions.retrieve_async(subscription.id)
    assert ended.status == "canceled"
    assert (await told(client))[0] == "customer.subscription.deleted"
    with pytest.raises(stripe.InvalidRequestError):
        await client.subscriptions.cancel_async(subscription.id)
    invoices = await client.invoices.list_async({"customer": subscription.customer})
    assert [invoice.status for invoice in invoices.data] == ["paid", "open", "paid", "paid"]


async def test_a_first_period_that_costs_nothing_has_an_invoice_and_no_payment(client, sandbox):
    _, session = await subscribed(client, sandbox, amount=0)
    invoice = await client.invoices.retrieve_async(session.invoice)
    assert (invoice.total, invoice.status, invoice.payments.data) == (0, "paid", [])


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
