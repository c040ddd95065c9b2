"""Public calls: the state of a payment by its id, and the configuration of a page."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime

from hingecraft.money.model import Kind as CurrencyKind
from hingecraft.payments import service
from hingecraft.payments.model import PaymentState, Status
from hingecraft.payments.returning_payers import Returning
from hingecraft.routes.model import timestamp
from hingecraft_api.messages.answers import Answer, number, quantity, success
from hingecraft_api.messages.described import MOMENT, PAYMENT, described
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

_CACHED = "public, max-age=60"


class PaymentAnswer(Answer):
    """Where a payment stands. Nothing personal."""

    id: Annotated[str, described("the payment's id; Stripe's session id before a standing link has been paid", PAYMENT)]
    status: Annotated[
        Status,
        described(
            "`creating` and `unknown`: the checkout is being made, or the provider has not said whether it was. "
            "`pending`: the donor has not paid yet. `awaiting_confirmation`: a wallet payment that an admin confirms. "
            "`completed`: paid. `failed`, `expired`, `error`: not paid. `partially_refunded`, `refunded`, `disputed`: "
            "paid, and some or all of it went back. A late payment can still turn `failed`, `expired` or `error` into "
            "`completed`",
            "completed",
        ),
    ]
    provider: Annotated[
        str | None,
        described("`stripe`, `nowpayments` or `wallet`; payments of older software may name others", "stripe"),
    ]
    amount: Annotated[float | None, described("the price, in `priceCurrency`", 25)]
    price_currency: Annotated[str | None, described("the currency of `amount`", "EUR")]
    currency: Annotated[str | None, described("what the donor was asked to pay in", "EUR")]
    paid_amount: Annotated[
        float | str | None,
        described("what was paid, before refunds; a string for coins. Absent until something was paid", 25),
    ] = None
    paid_currency: Annotated[str | None, described("the currency of `paidAmount`", "EUR")] = None
    updated_at: Annotated[AwareDatetime, described("when the payment last changed", MOMENT)]


class CurrencyAnswer(Answer):
    """A currency that is accepted."""

    code: Annotated[str, described("ISO 4217, or the coin's ticker", "EUR")]
    name: Annotated[str, described("for people", "Euro")]
    symbol: Annotated[str, described("for people", "€")]
    kind: Annotated[CurrencyKind, described("money or a coin", "fiat")]
    exponent: Annotated[int, described("the most decimals that an amount can have", 2)]
    min_amount: Annotated[float, described("the smallest amount, in `boundsIn`", 0.5)]
    max_amount: Annotated[float, described("the largest amount, in `boundsIn`", 95000)]
    bounds_in: Annotated[
        str, described("the currency of the two amounts: USD for coins, else the same as `code`", "EUR")
    ]


class ConfigAnswer(Answer):
    """The configuration of a page. Contains no secrets."""

    stripe_publishable_key: Annotated[str | None, described("null without Stripe", "pk_test_a1B2c3D4e5F6")]
    mode: Annotated[Literal["test", "live"], described("whether payments move real money", "test")]
    site_url: Annotated[str, described("the site that donors come back to", "https://www.example.com")]
    return_origins: Annotated[
        list[str],
        described("where checkouts may return to, and plan sessions may be carried to", ["https://www.example.com"]),
    ]
    currencies: Annotated[list[CurrencyAnswer], described("every currency that is accepted")]


async def get_payment(call: Call) -> Any:
    """The state, for pages that wait for it to change."""
    payment = await service.state_of(call.pod.database, call.named("id"), call.pod.parts[Returning])
    return {
        "id": str(payment.id),
        "status": payment.status,
        "provider": payment.provider,
        "amount": number(payment.amount) if payment.amount is not None and payment.amount.is_finite() else None,
        "priceCurrency": payment.price_currency,
        "currency": payment.currency,
        **_paid(call, payment),
        "updatedAt": timestamp(payment.updated_at),
    }


def _paid(call: Call, payment: PaymentState) -> dict[str, Any]:
    if payment.paid_amount is None or payment.paid_currency is None:
        return {}
    currency = call.pod.currencies.table.by_code.get(payment.paid_currency)
    return {"paidAmount": quantity(currency, payment.paid_amount), "paidCurrency": payment.paid_currency}


async def get_config(call: Call) -> Any:
    """The configuration that a page loads first."""
    settings = call.pod.settings
    currencies = [
        {
            "code": currency.code,
            "name": currency.name,
            "symbol": currency.symbol,
            "kind": currency.kind,
            "exponent": currency.exponent,
            "minAmount": number(currency.min_amount),
            "maxAmount": number(currency.max_amount),
            "boundsIn": currency.code if currency.kind == "fiat" else "USD",
        }
        for currency in call.pod.currencies.table.by_code.values()
        if currency.enabled
    ]
    data = {
        "stripePublishableKey": settings.stripe_publishable_key or None,
        "mode": "live" if call.pod.livemode else "test",
        "siteUrl": settings.site_url,
        "returnOrigins": settings.returns_to,
        "currencies": currencies,
    }
    return success(data, headers={"Cache-Control": _CACHED})


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/payments/{id}",
        handler=get_payment,
        summary="Get the status of a payment",
        tag="Donations",
        description="Poll this after the donor comes back, every few seconds, until `status` is no longer `creating`, "
        "`unknown` or `pending`. Ids can't be guessed, so the call needs no authentication.",
        answer=PaymentAnswer,
        parts={
            "id": {
                "type": "string",
                "description": "a `paymentId`, or the Stripe session that Stripe puts into the address it returns to",
                "examples": [PAYMENT],
            }
        },
        errors=("database_unavailable", "provider_unavailable", "unknown_payment"),
    ),
    Endpoint(
        method="GET",
        path="/config",
        handler=get_config,
        summary="Get the accepted currencies and the mode",
        tag="Donations",
        description="What a page needs before the donor has chosen anything. Changes rarely: clients may keep the "
        "answer for a minute.",
        answer=ConfigAnswer,
        answer_headers={
            "Cache-Control": {"type": "string", "description": "clients may keep the answer", "examples": [_CACHED]}
        },
        errors=("database_unavailable",),
    ),
]
