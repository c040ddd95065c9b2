"""Every request that we make of Stripe, held against Stripe's own description of its API."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any

import pytest

from hingecraft.money.model import Currency
from hingecraft.providers.findings import Finding
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import Order, ProviderRejectedError
from hingecraft.providers.stripe.asking import StripeAsking
from hingecraft.providers.stripe.links import (
    LinkTerms,
    link_request,
    plan_for,
    price_request,
    update_request,
)
from hingecraft.providers.stripe.reading import EVENT_TYPES, StripeReader


def currency(code: str, exponent: int) -> Currency:
    return Currency(
        code=code, name=code, symbol=code, kind="fiat", exponent=exponent, enabled=True,
        min_amount=Decimal(1), max_amount=Decimal(5000),
    )  # fmt: skip


USD, JPY, KWD = currency("USD", 2), currency("JPY", 0), currency("KWD", 3)
ORDER = Order(
    payment_id="7f0f3a38-9d1c-4f0e-8f7e-0d8f4b0b6a11", amount=Decimal(500), currency=USD, price_currency=USD,
    success_url="https://www.example.com/charter?status=success&payment=1", cancel_url="https://www.example.com/charter",
    opened_at=datetime.now(UTC), source="charter", description="Donation to HingeCraft", key="hc_checkout_7f0f3a38",
    submit_type="donate",
)  # fmt: skip
ORDERS = [
    ORDER,
    replace(ORDER, source="mission_support_micro", amount=Decimal(5), metadata={"preset_amount": "5"}),
    replace(ORDER, email="ada@example.com"),
    replace(ORDER, currency=JPY, price_currency=JPY),
    replace(ORDER, currency=KWD, price_currency=KWD, amount=Decimal("3.25")),
]


async def ask(provider, request: dict[str, Any], what: str = "checkout.sessions", name: str = "create_async") -> Any:
    async def call() -> Any:
        return await getattr(attrgetter(what)(provider.account.client.v1), name)(
            request, options=provider.account.options("a-key")
        )

    return await provider.account.call(call, Deadline.within(10))


@pytest.mark.parametrize("order", ORDERS)
async def test_our_sessions_are_valid(provider, order):
    session = await ask(provider, provider.request_for(order))
    assert session.object == "checkout.session"
    assert session.client_reference_id == order.payment_id


async def test_a_session_is_opened_through_the_port(provider):
    opened = await provider.open(provider.request_for(ORDER), "a-key", Deadline.within(10))
    assert opened.provider_id.startswith("cs_")
    assert opened.url.startswith("https://checkout.stripe.com/")


TERMS = LinkTerms(
    installation="3f2b8a52-6a80-4f3e-9c8e-0a8f6a4c8a11", livemode=False,
    return_url="https://www.example.com/charter?status=success&session_id={CHECKOUT_SESSION_ID}",
    description="Donation to HingeCraft", submit_type="donate",
)  # fmt: skip


@pytest.mark.parametrize("kind", [USD, JPY, KWD])
async def test_our_links_are_valid(provider, kind):
    plan = plan_for(kind, TERMS)
    assert (await ask(provider, price_request(plan), "prices")).object == "price"
    made = await ask(provider, link_request(plan, "price_1"), "payment_links")
    assert made.object == "payment_link"


async def test_finding_making_and_changing_links_is_valid(provider):
    links, plan = provider.links, plan_for(USD, TERMS)
    every = [link async for link in links.every()]
    assert every
    assert every[0].key is None, "Stripe's example does not carry our mark"
    assert (await links.make(plan)).id.startswith("plink_")
    assert (await links.update("plink_1", plan)).id
    await links.claim(replace(every[0], key="hc_link_test_usd_100_500000"), TERMS.installation)
    await links.switch_off("plink_1")


async def test_a_change_of_a_link_that_stripe_does_not_know_is_refused(provider):
    async def change() -> Any:
        request: Any = {**update_request(plan_for(USD, TERMS)), "colour": "red"}
        links = provider.account.client.v1.payment_links
        return await links.update_async("plink_1", request, options=provider.account.options())

    with pytest.raises(ProviderRejectedError, match="400"):
        await provider.account.call(change, Deadline.within(10))


@pytest.mark.parametrize("wrong", [{"colour": "red"}, {"mode": "gift"}, {"expires_at": "soon"}, {"line_items": "all"}])
async def test_what_stripe_does_not_know_is_refused(provider, wrong):
    """Without this the tests above could not fail."""
    with pytest.raises(ProviderRejectedError, match="400"):
        await ask(provider, {**provider.request_for(ORDER), **wrong})


async def test_what_we_ask_afterwards_is_valid(provider):
    """Stripe's example of a session lacks its amounts: that it is answered, and not refused, is what is shown."""
    asking = StripeAsking(provider, StripeReader(lambda _code: USD))
    assert (await asking.of_checkout("cs_test_1", told_by="a test")).unreadable
    session, charge = await asking.again(Finding(provider="stripe", livemode=False, told_by="a test", charge="pi_1"))
    assert (session.unreadable, charge.charge) == ("an amount is not a whole number", "pi_1")
    now = datetime.now(UTC)
    assert await provider.sessions.made_for("nobody", now - timedelta(hours=1), now) is None
    events = [event async for event in provider.events.since(now - timedelta(hours=1), EVENT_TYPES)]
    assert all(event["object"] == "event" for event in events)
    assert isinstance((await provider.disputes.retrieve("dp_1"))["balance_transactions"], list)
    assert (await provider.account.id()).startswith("acct_")


async def test_what_we_ask_about_invoices_is_valid(provider):
    invoice = await provider.invoices.retrieve("in_1")
    assert invoice["object"] == "invoice"
    assert await provider.invoices.of_intent("pi_1")
    await provider.invoices.balance_of("pi_1")
    assert await provider.sessions.lines("cs_test_1")


async def test_the_lines_of_an_invoice_are_listed_as_stripe_lists_them(provider):
    invoices = provider.account.client.v1.invoices

    async def page(params: Any) -> Any:
        return await invoices.line_items.list_async("in_1", params, options=provider.account.options())

    assert (await provider.account.ask(lambda: page({"limit": 100, "starting_after": "il_1"})))["data"]
    with pytest.raises(ProviderRejectedError, match="400"):
        await provider.account.ask(lambda: page({"limit": "many"}))


@pytest.mark.parametrize(
    ("what", "request_"),
    [
        ("checkout.sessions", {"limit": "many"}),
        ("checkout.sessions", {"reference": "x"}),
        ("events", {"delivered": True}),
        ("invoice_payments", {"payment": {"intent": "pi_1"}}),
    ],
)
async def test_what_stripe_cannot_be_asked_is_refused(provider, what, request_):
    with pytest.raises(ProviderRejectedError, match="400"):
        await ask(provider, request_, what, "list_async")
