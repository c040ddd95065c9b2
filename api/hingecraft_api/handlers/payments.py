"""What anybody may ask: the state of a payment whose id they know, and what a page needs to begin."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from hingecraft.payments import service
from hingecraft.payments.model import PaymentState
from hingecraft.routes.model import timestamp
from hingecraft_api.answers import Answer, number, quantity, success
from hingecraft_api.call import Call
from hingecraft_api.endpoint import Endpoint

_CACHED = "public, max-age=60"


class PaymentAnswer(Answer):
    """Where a payment stands; nothing personal."""

    id: str
    status: str
    provider: str | None
    amount: float | None
    price_currency: str | None
    currency: str | None
    paid_amount: Annotated[
        float | str | None, Field(description="what has come, before refunds; coins as text. Absent until it has come")
    ] = None
    paid_currency: str | None = None
    updated_at: AwareDatetime


class CurrencyAnswer(Answer):
    """A currency that can be given in; bounds are in `boundsIn`."""

    code: str
    name: str
    symbol: str
    kind: str
    exponent: int
    min_amount: float
    max_amount: float
    bounds_in: str


class ConfigAnswer(Answer):
    """Nothing secret."""

    stripe_publishable_key: str | None
    mode: str
    site_url: str
    currencies: list[CurrencyAnswer]


async def get_payment(call: Call) -> Any:
    """The state, for pages that wait for it to change."""
    payment = await service.state_of(call.pod.database, call.named("id"), call.pod.returning)
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
    """What a page needs before anybody has chosen anything."""
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
        "currencies": currencies,
    }
    return success(data, headers={"Cache-Control": _CACHED})


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/payments/{id}",
        handler=get_payment,
        summary="Where a payment stands, by our id or Stripe's session",
        tag="Donations",
        answer=PaymentAnswer,
        refusals=(
            HTTPStatus.BAD_REQUEST,
            HTTPStatus.NOT_FOUND,
            HTTPStatus.BAD_GATEWAY,
            HTTPStatus.SERVICE_UNAVAILABLE,
        ),
    ),
    Endpoint(
        method="GET",
        path="/config",
        handler=get_config,
        summary="What a page needs to begin",
        tag="Donations",
        answer=ConfigAnswer,
        refusals=(HTTPStatus.SERVICE_UNAVAILABLE,),
    ),
]
