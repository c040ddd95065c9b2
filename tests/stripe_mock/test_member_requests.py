"""Every request that we make for members, held against Stripe's own description of its API."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from hingecraft.members.customers.model import customer_request
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import ProviderRejectedError
from hingecraft.providers.stripe.intents import Charge, intent_request
from hingecraft.providers.stripe.sales import PricePlan, Sale, Subscription, session_request, subscription_request

METADATA = {"userId": str(uuid4()), "planType": "basic", "payment_id": str(uuid4()), "purpose": "credits"}


def sale(*, recurring: bool) -> Sale:
    return Sale(
        price_id="price_1", recurring=recurring, customer_id="cus_1", reference=METADATA["userId"], metadata=METADATA,
        success_url="https://www.example.com/?success=true&session_id={CHECKOUT_SESSION_ID}&plan=basic",
        cancel_url="https://www.example.com/pricing?canceled=true&plan=basic", opened_at=datetime.now(UTC),
    )  # fmt: skip


def within() -> Deadline:
    return Deadline.within(10)


@pytest.mark.parametrize("recurring", [False, True])
async def test_a_members_session_is_valid_in_both_modes(provider, recurring):
    opened = await provider.sessions.create(session_request(sale(recurring=recurring)), "a-key", within())
    assert opened.provider_id.startswith("cs_")


@pytest.mark.parametrize("wrong", [{"colour": "red"}, {"billing_address_collection": "never"}, {"customer": ["cus_1"]}])
async def test_a_session_that_stripe_does_not_know_is_refused(provider, wrong):
    """Without this the test above could not fail."""
    with pytest.raises(ProviderRejectedError, match="400"):
        await provider.sessions.create({**session_request(sale(recurring=False)), **wrong}, "a-key", within())


async def test_what_we_ask_about_customers_is_valid(provider):
    customers = provider.customers
    for email in ("ada@example.com", None):
        made = await customers.create(customer_request(uuid4(), uuid4(), email), "a-key", within())
        assert made.startswith("cus_")
    assert await customers.made_with({"userId": "nobody"}, datetime.now(UTC) - timedelta(days=1)) is None
    assert not await customers.is_deleted("cus_1", within())
    assert all(each["object"] == "subscription" for each in await customers.subscriptions_of("cus_1"))
    await customers.delete("cus_1", within())
    with pytest.raises(ProviderRejectedError, match="400"):
        await customers.create({"name_": "Ada"}, "a-key", within())


async def test_what_we_ask_about_prices_is_valid(provider):
    found = await provider.prices.retrieve("price_1")
    assert found["product"]["object"] == "product"
    listed = await provider.prices.find("hc_credits_x_QUICK_SCAN")
    assert listed is None or listed["product"]["object"] == "product"
    for interval in (None, "month"):
        plan = PricePlan(lookup_key="hc_credits_x", name="Quick Scan", currency="USD", amount=500, interval=interval)
        assert (await provider.prices.make(plan, instead_of=listed))["object"] == "price"


async def test_ending_a_session_is_valid(provider):
    assert await provider.sessions.expire("cs_test_1", within())


async def test_what_we_ask_about_intents_is_valid(provider):
    charge = Charge(
        amount=1250, currency="USD", customer_id="cus_1", description="Brass hinge", metadata={"payment_id": "p_1"}
    )
    opened = await provider.open(intent_request(charge), "a-key", within())
    assert opened.provider_id.startswith("pi_")
    assert opened.client_secret
    assert opened.url is None
    assert (await provider.intents.retrieve("pi_1"))["object"] == "payment_intent"
    assert await provider.end("pi_1", within())
    now = datetime.now(UTC)
    assert await provider.intents.made_for("p_none", now, now) is None
    for each in await provider.intents.of_customer("cus_1", now):
        assert each["object"] == "payment_intent"
    with pytest.raises(ProviderRejectedError, match="400"):
        await provider.intents.create({**intent_request(charge), "capture_method": "never"}, "a-key", within())


async def test_what_we_ask_about_a_members_subscription_is_valid(provider):
    sale = Subscription(
        amount=900, currency="USD", product_id="hc_1", interval="month", interval_count=1, customer_id="cus_1",
        metadata={"payment_id": "p_1"},
    )  # fmt: skip
    subscriptions = provider.subscriptions
    await provider.products.keep("hc_1", "All designs", within())
    assert isinstance(await provider.products.names(["hc_1", "hc_2"]), dict)
    opened = await provider.open(subscription_request(sale), "a-key", within())
    assert opened.provider_id.startswith("sub_")
    await subscriptions.secret_of("sub_1")
    assert (await subscriptions.cancel_at_period_end("sub_1", within()))["object"] == "subscription"
    assert isinstance(await provider.end("sub_1", within()), bool)
    now = datetime.now(UTC)
    assert await subscriptions.made_for("p_none", now, now) is None
    with pytest.raises(ProviderRejectedError, match="400"):
        await subscriptions.create({**subscription_request(sale), "payment_behavior": "later"}, "a-key", within())
