"""The behaviour that every provider behind the port must have, for each stand-in and for the real one."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from hingecraft.money.model import Currency, Kind
from hingecraft.providers.patience import Deadline
from hingecraft.providers.port import CheckoutProvider, Order, ProviderRejectedError


def currency(code: str, kind: Kind = "fiat", exponent: int = 2) -> Currency:
    return Currency(
        code=code, name=code, symbol=code, kind=kind, exponent=exponent, enabled=True,
        min_amount=Decimal(1), max_amount=Decimal(5000),
    )  # fmt: skip


USD = currency("USD")


def order_for(provider: CheckoutProvider, **change: Any) -> Order:
    paid_in = USD if provider.name == "stripe" else currency("BTC", "crypto", 8)
    order = Order(
        payment_id=str(uuid.uuid4()), amount=Decimal("37.50"), currency=paid_in, price_currency=USD,
        success_url="https://www.example.com/charter?status=success&payment=1",
        cancel_url="https://www.example.com/charter?status=cancelled", opened_at=datetime.now(UTC), source="charter",
        description="Donation to HingeCraft", key=f"hc_checkout_{uuid.uuid4()}", submit_type="donate",
    )  # fmt: skip
    return replace(order, **change)


async def opens_a_checkout(provider: CheckoutProvider) -> None:
    order = order_for(provider)
    request, key = provider.request_for(order), order.key
    assert provider.configured
    assert json.loads(json.dumps(request)) == request, "what is kept is not what is asked"
    assert order.payment_id in json.dumps(request), "nobody could say whose it is"
    opened = await provider.open(request, key, Deadline.within(10))
    assert opened.provider_id
    assert opened.url is not None
    assert opened.url.startswith(("https://", "http://127.0.0.1"))


async def takes_orders_from_a_machine_whose_clock_is_wrong(provider: CheckoutProvider) -> None:
    for wrong in (timedelta(minutes=20), timedelta(minutes=-20)):
        order = order_for(provider, opened_at=datetime.now(UTC) + wrong)
        opened = await provider.open(provider.request_for(order), order.key, Deadline.within(10))
        assert opened.provider_id


async def keeps_to_its_keys(provider: CheckoutProvider) -> None:
    """The same key and parameters, one effect; where there are no keys, another that nobody has seen."""
    order = order_for(provider)
    request, key = provider.request_for(order), order.key
    first, second = [await provider.open(request, key, Deadline.within(10)) for _ in range(2)]
    assert (first == second) == (provider.name == "stripe")
    if provider.name == "stripe":
        with pytest.raises(ProviderRejectedError):
            await provider.open({**request, "cancel_url": "https://www.example.com/"}, key, Deadline.within(10))


async def says_no_to_what_it_does_not_take(provider: CheckoutProvider) -> None:
    order = order_for(provider)
    wrong = {**provider.request_for(order), "pay_currency": "nothing"}
    with pytest.raises(ProviderRejectedError):
        await provider.open(wrong, order.key, Deadline.within(10))


FLOWS = (
    opens_a_checkout,
    takes_orders_from_a_machine_whose_clock_is_wrong,
    keeps_to_its_keys,
    says_no_to_what_it_does_not_take,
)
