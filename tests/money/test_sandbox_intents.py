"""PaymentIntents in the sandbox, asked for with Stripe's own library: paid, declined, authenticated, cancelled."""

from __future__ import annotations

import pytest
import stripe

from support.stripe_sandbox import stripe_client

INTENT = {"amount": 1900, "currency": "usd", "automatic_payment_methods": {"enabled": True}}


@pytest.fixture
async def client(sandbox):
    http = stripe.AIOHTTPClient()
    yield stripe_client(sandbox, http)
    await http.close_async()


async def made(client, **more):
    return await client.payment_intents.create_async({**INTENT, **more})


async def told(client):
    """The types of all events, the oldest first."""
    return [event.type for event in reversed((await client.events.list_async({"limit": 100})).data)]


async def test_an_intent_waits_for_a_payment_and_knows_its_customer(client):
    customer = await client.customers.create_async({"email": "a@example.com"})
    intent = await made(client, customer=customer.id, metadata={"payment_id": "p_1"}, currency="USD")
    assert (intent.status, intent.amount, intent.currency) == ("requires_payment_method", 1900, "usd")
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    assert (intent.customer, intent.metadata["payment_id"]) == (customer.id, "p_1")
    assert intent.automatic_payment_methods.to_dict() == {"enabled": True, "allow_redirects": "always"}
    assert await client.payment_intents.retrieve_async(intent.id) == intent
    assert [each.id for each in (await client.payment_intents.list_async({"customer": customer.id})).data] == [
        intent.id
    ]


@pytest.mark.parametrize(
    ("change", "code", "param"),
    [
        ({"amount": 49}, "amount_too_small", "amount"), ({"amount": 100_000_000}, "amount_too_large", "amount"),
        ({"amount": "5.5"}, "parameter_invalid_integer", "amount"), ({"currency": "dollars"}, None, "currency"),
        ({"colour": "red"}, "parameter_unknown", "colour"), ({"customer": "cus_none"}, "resource_missing", "customer"),
        ({"automatic_payment_methods": {"allow_redirects": "never"}}, "parameter_missing",
         "automatic_payment_methods[enabled]"),
        ({"metadata": {"a": "x" * 501}}, None, "metadata"), ({"confirm": True}, "parameter_unknown", "confirm"),
        ({"setup_future_usage": "always"}, None, "setup_future_usage"),
        ({"amount": 5001, "currency": "kwd"}, None, "amount"),
    ],
)  # fmt: skip
async def test_what_stripe_refuses_is_refused(client, change, code, param):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await made(client, **change)
    assert (refused.value.code, refused.value.param) == (code, param)


async def test_a_deleted_customer_cannot_pay(client):
    customer = await client.customers.create_async({})
    await client.customers.delete_async(customer.id)
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        await made(client, customer=customer.id)


async def test_one_key_makes_one_intent_with_one_secret(client):
    options = {"idempotency_key": "hc_intent_of_this_test"}
    first = await client.payment_intents.create_async(INTENT, options)
    again = await client.payment_intents.create_async(INTENT, options)
    assert (again.id, again.client_secret) == (first.id, first.client_secret)
    with pytest.raises(stripe.IdempotencyError):
        await client.payment_intents.create_async({**INTENT, "amount": 2000}, options)


async def test_a_card_pays_and_the_charge_is_worth_something(client, sandbox):
    intent = await made(client, metadata={"payment_id": "p_1"})
    await sandbox.act_on_intent(intent.id, "pay")
    paid = await client.payment_intents.retrieve_async(intent.id, {"expand": ["latest_charge.balance_transaction"]})
    assert (paid.status, paid.amount_received, paid.client_secret) == ("succeeded", 1900, intent.client_secret)
    assert (paid.latest_charge.amount, paid.latest_charge.balance_transaction.amount) == (1900, 1900)
    assert paid.latest_charge.metadata["payment_id"] == "p_1"
    assert await told(client) == ["payment_intent.created", "payment_intent.succeeded", "charge.succeeded"]


async def test_an_event_of_an_intent_carries_its_client_secret(client, sandbox):
    """As Stripe's do: what receives events must not pass them on to logs and people."""
    intent = await made(client)
    await sandbox.act_on_intent(intent.id, "pay")
    (event,) = (await client.events.list_async({"type": "payment_intent.succeeded"})).data
    assert event.data.object.client_secret == intent.client_secret


async def test_a_declined_card_leaves_the_intent_open_for_another(client, sandbox):
    intent = await made(client)
    await sandbox.act_on_intent(intent.id, "fail")
    declined = await client.payment_intents.retrieve_async(intent.id, {"expand": ["latest_charge"]})
    assert declined.status == "requires_payment_method"
    charge = declined.latest_charge
    assert (charge.status, charge.paid, charge.failure_code) == ("failed", False, "card_declined")
    error = declined.last_payment_error
    assert (error.type, error.code, error.decline_code) == ("card_error", "card_declined", "generic_decline")
    await sandbox.act_on_intent(intent.id, "pay")
    paid = await client.payment_intents.retrieve_async(intent.id)
    assert (paid.status, paid.last_payment_error) == ("succeeded", None)
    assert await told(client) == [
        "payment_intent.created", "charge.failed", "payment_intent.payment_failed", "payment_intent.succeeded",
        "charge.succeeded",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("act", "status", "last"),
    [
        ("authenticated", "succeeded", "charge.succeeded"),
        ("not_authenticated", "requires_payment_method", "payment_intent.payment_failed"),
    ],
)
async def test_a_bank_asks_for_authentication(client, sandbox, act, status, last):
    intent = await made(client)
    await sandbox.act_on_intent(intent.id, "authenticate")
    waiting = await client.payment_intents.retrieve_async(intent.id)
    assert (waiting.status, waiting.next_action.type) == ("requires_action", "use_stripe_sdk")
    await sandbox.act_on_intent(intent.id, act)
    after = await client.payment_intents.retrieve_async(intent.id)
    assert (after.status, after.next_action) == (status, None)
    if status != "succeeded":
        assert after.last_payment_error.code == "payment_intent_authentication_failure"
    events = await told(client)
    assert (events[1], events[-1]) == ("payment_intent.requires_action", last)


@pytest.mark.parametrize(("act", "status"), [("arrive", "succeeded"), ("bounce", "requires_payment_method")])
async def test_a_bank_debit_takes_its_time(client, sandbox, act, status):
    intent = await made(client)
    await sandbox.act_on_intent(intent.id, "pay_later")
    assert (await client.payment_intents.retrieve_async(intent.id)).status == "processing"
    await sandbox.act_on_intent(intent.id, act)
    assert (await client.payment_intents.retrieve_async(intent.id)).status == status
    assert (await told(client))[1] == "payment_intent.processing"


@pytest.mark.parametrize("before", [None, "fail", "authenticate", "pay_later"])
async def test_an_unpaid_intent_can_be_cancelled_once(client, sandbox, before):
    intent = await made(client)
    if before:
        await sandbox.act_on_intent(intent.id, before)
    ended = await client.payment_intents.cancel_async(intent.id, {"cancellation_reason": "abandoned"})
    assert (ended.status, ended.cancellation_reason) == ("canceled", "abandoned")
    assert ended.canceled_at >= ended.created
    assert (await told(client))[-1] == "payment_intent.canceled"
    with pytest.raises(stripe.InvalidRequestError, match="status of canceled") as refused:
        await client.payment_intents.cancel_async(intent.id)
    assert refused.value.code == "payment_intent_unexpected_state"
    assert refused.value.error.payment_intent.status == "canceled"
    with pytest.raises(AssertionError, match="status of canceled"):
        await sandbox.act_on_intent(intent.id, "pay")


async def test_a_paid_intent_is_neither_cancelled_nor_paid_again(client, sandbox):
    intent = await made(client)
    await sandbox.act_on_intent(intent.id, "pay")
    with pytest.raises(stripe.InvalidRequestError, match="status of succeeded"):
        await client.payment_intents.cancel_async(intent.id)
    with pytest.raises(AssertionError, match="already succeeded"):
        await sandbox.act_on_intent(intent.id, "pay")
    assert (await told(client)).count("payment_intent.succeeded") == 1


async def test_the_intent_of_a_checkout_session_ends_with_its_session(client, sandbox):
    session = await client.checkout.sessions.create_async(
        {
            "mode": "payment", "success_url": "https://www.example.com/",
            "line_items": [{"quantity": 1, "price_data": {
                "currency": "usd", "unit_amount": 500, "product_data": {"name": "A design"}}}],
        }
    )  # fmt: skip
    await sandbox.act(session.id, "fail")
    intent = (await client.checkout.sessions.retrieve_async(session.id)).payment_intent
    with pytest.raises(stripe.InvalidRequestError, match="expire the Checkout Session"):
        await client.payment_intents.cancel_async(intent)
    with pytest.raises(AssertionError, match="pay on the session"):
        await sandbox.act_on_intent(intent, "pay")


async def test_refunds_and_disputes_of_an_intent(client, sandbox):
    intent = await made(client)
    with pytest.raises(stripe.InvalidRequestError, match="no successful charge"):
        await client.refunds.create_async({"payment_intent": intent.id})
    for act in ("pay", "refund_half", "dispute"):
        await sandbox.act_on_intent(intent.id, act)
    (refund,) = (await client.refunds.list_async({"payment_intent": intent.id})).data
    assert (refund.amount, refund.status) == (950, "succeeded")
    (dispute,) = (await client.disputes.list_async({"payment_intent": intent.id})).data
    page = await sandbox.ask("POST", f"/pay/stripe/dispute/{dispute.id}/won")
    assert "Card payment" in page, "the page of the payment follows"
    assert "<dt>Refunded</dt><dd>9.50 USD</dd><dt>Dispute</dt><dd>won</dd>" in page
    assert (await client.disputes.retrieve_async(dispute.id)).status == "won"
    assert "refund.created" in await told(client)


async def test_the_page_shows_what_can_happen_next(client, sandbox):
    intent = await made(client, metadata={"payment_id": "<b>p_1"})
    page = await sandbox.ask("GET", f"/pay/stripe/i/{intent.id}")
    assert "19.00 USD" in page
    assert "Ask for 3-D Secure" in page
    assert "&lt;b&gt;p_1" in page
    assert intent.client_secret not in page
    assert intent.id[:18] in await sandbox.ask("GET", "/")
    with pytest.raises(AssertionError, match="does not exist"):
        await sandbox.ask("GET", "/pay/stripe/i/pi_none")
    with pytest.raises(AssertionError, match="Unknown action"):
        await sandbox.act_on_intent(intent.id, "explode")
