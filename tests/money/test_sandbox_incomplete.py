"""Subscriptions that wait for their first payment on a merchant's own page, asked for with Stripe's own library."""

from __future__ import annotations

from uuid import uuid4

import pytest
import stripe

from support.stripe_sandbox import Subscriber, move, stripe_client

SECRET = {"expand": ["latest_invoice.confirmation_secret"]}
SAVED = {"save_default_payment_method": "on_subscription"}


@pytest.fixture
async def client(sandbox):
    http = stripe.AIOHTTPClient()
    yield stripe_client(sandbox, http)
    await http.close_async()


async def terms(client, **more):
    """The parameters that our backend sends: an inline price of a product with our id, and the customer."""
    product = await client.products.create_async({"id": f"hc_{uuid4()}", "name": "All designs"})
    customer = await client.customers.create_async({})
    price = {"currency": "usd", "unit_amount": 900, "product": product.id, "recurring": {"interval": "month"}}
    return {
        "customer": customer.id, "items": [{"price_data": price}], "payment_behavior": "default_incomplete",
        "payment_settings": SAVED, "metadata": {"payment_id": "p_1"}, **SECRET, **more,
    }  # fmt: skip


async def begun(client, sandbox, **more):
    """A subscription that waits, somebody who asks about it, and its intent."""
    subscription = await client.subscriptions.create_async(await terms(client, **more))
    subscriber = Subscriber(client, sandbox)
    subscriber.id = subscription.id
    secret = subscription.latest_invoice.confirmation_secret.client_secret
    return subscription, subscriber, secret.partition("_secret_")[0]


async def test_it_waits_with_an_invoice_and_the_secret_of_its_intent(client, sandbox):
    subscription, subscriber, intent_id = await begun(client, sandbox)
    assert (subscription.status, subscription.metadata["payment_id"]) == ("incomplete", "p_1")
    assert subscription.payment_settings.save_default_payment_method == "on_subscription"
    invoice = subscription.latest_invoice
    assert (invoice.status, invoice.amount_due, invoice.billing_reason) == ("open", 900, "subscription_create")
    assert invoice.confirmation_secret.type == "payment_intent"
    intent = await client.payment_intents.retrieve_async(intent_id)
    assert (intent.status, intent.amount, intent.customer) == ("requires_payment_method", 900, subscription.customer)
    assert (intent.metadata.to_dict(), intent.setup_future_usage) == ({}, "off_session")
    assert await subscriber.told() == [
        "customer.created",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "payment_intent.created",
    ]
    again = await client.subscriptions.retrieve_async(subscription.id, SECRET)
    assert again.latest_invoice.confirmation_secret.client_secret == intent.client_secret


async def test_the_secret_is_shown_only_to_those_who_ask_for_it(client, sandbox):
    subscription, _, intent_id = await begun(client, sandbox)
    plain = await client.subscriptions.retrieve_async(subscription.id, {"expand": ["latest_invoice"]})
    assert "confirmation_secret" not in plain.latest_invoice.to_dict()
    events = (await client.events.list_async({"limit": 10})).data
    for event in [each for each in events if not each.type.startswith("payment_intent.")]:
        assert f"{intent_id}_secret_" not in str(event.to_dict()), event.type
    assert plain["items"].data[0].price.active is False, "an inline price cannot be used again"


async def test_the_first_payment_activates_it_and_keeps_the_card(client, sandbox):
    subscription, subscriber, intent_id = await begun(client, sandbox)
    await subscriber.told()
    await sandbox.act_on_intent(intent_id, "pay")
    assert await subscriber.told() == [
        "payment_intent.succeeded", "charge.succeeded", "invoice.paid", "invoice.payment_succeeded",
        "invoice_payment.paid", "customer.subscription.updated",
    ]  # fmt: skip
    paid = await client.subscriptions.retrieve_async(subscription.id, SECRET)
    intent = await client.payment_intents.retrieve_async(intent_id)
    assert (paid.status, paid.default_payment_method) == ("active", intent.payment_method)
    assert (paid.latest_invoice.status, paid.latest_invoice.confirmation_secret) == ("paid", None)
    await move(sandbox, months=1, hours=2)
    assert [invoice.status for invoice in await subscriber.invoices()] == ["paid", "paid"]


async def test_a_card_that_was_not_kept_pays_no_renewal(client, sandbox):
    """Without `save_default_payment_method`."""
    _, subscriber, intent_id = await begun(client, sandbox, payment_settings={"save_default_payment_method": "off"})
    await sandbox.act_on_intent(intent_id, "pay")
    assert (await subscriber.now()).status == "active"
    await move(sandbox, months=1, hours=2)
    now = await subscriber.now()
    assert (now.status, now.default_payment_method) == ("past_due", None)


async def test_a_declined_card_leaves_it_incomplete(client, sandbox):
    _, subscriber, intent_id = await begun(client, sandbox)
    await subscriber.told()
    for act in ("fail", "authenticate", "not_authenticated"):
        await sandbox.act_on_intent(intent_id, act)
    assert await subscriber.told() == [
        "charge.failed", "payment_intent.payment_failed", "invoice.payment_failed", "payment_intent.requires_action",
        "invoice.payment_action_required", "charge.failed", "payment_intent.payment_failed", "invoice.payment_failed",
    ]  # fmt: skip
    intent = await client.payment_intents.retrieve_async(intent_id)
    assert intent.last_payment_error.code == "payment_intent_authentication_failure"
    (invoice,) = await subscriber.invoices()
    assert (invoice.status, invoice.attempt_count, (await subscriber.now()).status) == ("open", 1, "incomplete")
    await sandbox.act_on_intent(intent_id, "authenticate")
    await sandbox.act_on_intent(intent_id, "authenticated")
    assert (await subscriber.now()).status == "active"


async def test_unpaid_it_expires_after_23_hours(client, sandbox):
    _, subscriber, intent_id = await begun(client, sandbox)
    await sandbox.act_on_intent(intent_id, "fail")
    await move(sandbox, hours=22)
    assert (await subscriber.now()).status == "incomplete"
    await subscriber.told()
    await move(sandbox, hours=2)
    now = await subscriber.now()
    assert (now.status, now.ended_at is None) == ("incomplete_expired", False)
    assert await subscriber.told() == ["invoice.voided", "payment_intent.canceled", "customer.subscription.updated"]
    intent = await client.payment_intents.retrieve_async(intent_id)
    assert (intent.status, intent.cancellation_reason) == ("canceled", "void_invoice")
    with pytest.raises(AssertionError, match="status of canceled"):
        await sandbox.act_on_intent(intent_id, "pay")


async def test_cancelled_unpaid_it_expires_at_once(client, sandbox):
    subscription, subscriber, intent_id = await begun(client, sandbox)
    with pytest.raises(stripe.InvalidRequestError, match="void the invoice"):
        await client.payment_intents.cancel_async(intent_id)
    with pytest.raises(stripe.InvalidRequestError, match="incomplete"):
        await client.subscriptions.update_async(subscription.id, {"cancel_at_period_end": True})
    ended = await client.subscriptions.cancel_async(subscription.id)
    assert (ended.status, ended.canceled_at is None) == ("incomplete_expired", False)
    assert (await client.payment_intents.retrieve_async(intent_id)).status == "canceled"
    assert "customer.subscription.deleted" not in await subscriber.told()


async def test_its_payment_is_refunded_and_disputed(client, sandbox):
    _, subscriber, intent_id = await begun(client, sandbox)
    await sandbox.act_on_intent(intent_id, "pay")
    await client.refunds.create_async({"payment_intent": intent_id, "amount": 100})
    await sandbox.act_on_intent(intent_id, "dispute")
    (dispute,) = (await client.disputes.list_async({"payment_intent": intent_id})).data
    assert (dispute.amount, dispute.status, (await subscriber.now()).status) == (800, "needs_response", "active")


async def test_what_stripe_refuses_is_refused(client, sandbox):
    good = await terms(client)
    price = good["items"][0]["price_data"]
    for change, code in (
        ({"colour": "red"}, "parameter_unknown"), ({"customer": "cus_none"}, "resource_missing"),
        ({"payment_behavior": "allow_incomplete"}, "resource_missing"), ({"payment_behavior": "later"}, None),
        ({"items": [{"price_data": {**price, "product": "hc_none"}}]}, "resource_missing"),
        ({"items": [{"price_data": {**price, "unit_amount": 1}}]}, "amount_too_small"),
        ({"items": [{"price_data": {**price, "product_data": {"name": "x"}}}]}, "parameter_unknown"),
        ({"items": [{"price_data": {name: price[name] for name in ("currency", "unit_amount", "product")}}]}, None),
        ({"items": [{"price": "price_none"}]}, "resource_missing"), ({"items": [{"quantity": 2}]}, None),
    ):  # fmt: skip
        with pytest.raises(stripe.InvalidRequestError) as refused:
            await client.subscriptions.create_async({**good, **change})
        assert refused.value.code == code, change
    await client.products.update_async(price["product"], {"active": False})
    with pytest.raises(stripe.InvalidRequestError, match="not active"):
        await client.subscriptions.create_async(good)
    assert (await client.subscriptions.list_async({"customer": good["customer"], "status": "all"})).data == []


async def test_one_customer_has_subscriptions_in_one_currency(client, sandbox):
    first = await terms(client)
    subscription = await client.subscriptions.create_async(first)
    euros = {**first["items"][0]["price_data"], "currency": "eur"}
    with pytest.raises(stripe.InvalidRequestError, match="cannot combine currencies"):
        await client.subscriptions.create_async({**first, "items": [{"price_data": euros}]})
    await client.subscriptions.cancel_async(subscription.id)
    again = await client.subscriptions.create_async({**first, "items": [{"price_data": euros}]})
    assert again.currency == "eur"


async def test_one_key_makes_one_subscription(client, sandbox):
    asked, options = await terms(client), {"idempotency_key": f"hc_subscription_{uuid4()}"}
    first = await client.subscriptions.create_async(asked, options)
    assert (await client.subscriptions.create_async(asked, options)).id == first.id
    assert len((await client.subscriptions.list_async({"customer": asked["customer"]})).data) == 1


async def test_what_costs_nothing_is_active_at_once(client, sandbox):
    asked = await terms(client)
    free = {**asked["items"][0]["price_data"], "unit_amount": 0}
    made = await client.subscriptions.create_async({**asked, "items": [{"price_data": free}]})
    assert (made.status, made.latest_invoice.status, made.latest_invoice.confirmation_secret) == (
        "active",
        "paid",
        None,
    )


async def test_its_pages_lead_to_the_payment(client, sandbox):
    subscription, _, intent_id = await begun(client, sandbox)
    page = await sandbox.ask("GET", f"/pay/stripe/subscription/{subscription.id}")
    assert "Go to the next period" not in page
    assert f"/pay/stripe/i/{intent_id}" in await sandbox.ask(
        "GET", f"/pay/stripe/invoice/{subscription.latest_invoice.id}"
    )
