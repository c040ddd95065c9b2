"""Giving: one click, any amount, the way from Mission Support to Charter, and what it has come to."""

from __future__ import annotations

from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Any, Literal
from uuid import UUID

from aiohttp import web
from pydantic import AwareDatetime, Field, WithJsonSchema

from hingecraft.donations import prefills, totals
from hingecraft.donations.model import Checkout, Wanted
from hingecraft.errors import InvalidError
from hingecraft.money.model import Currency, check_amount, plain
from hingecraft.providers import wallet
from hingecraft.providers.stripe.client import MICRO
from hingecraft.routes.model import timestamp
from hingecraft_api.amounts import Amount
from hingecraft_api.answers import Answer, number, quantity
from hingecraft_api.bodies import Input, wrong_field
from hingecraft_api.call import Call
from hingecraft_api.currencies import refuse_unsupported, unknown_currency
from hingecraft_api.emails import Email
from hingecraft_api.endpoint import Endpoint

_USD = "USD"
_PRESETS = (1, 2, 5)
_CHARTER, _MISSION_SUPPORT = "/charter", "/mission-support"


ReturnTo = Annotated[
    Literal["site", "embed"],
    Field(description="the page to come back to: the site's, or with PUBLIC_URL set this backend's own under /embed"),
]


class MicroInput(Input):
    """One click."""

    amount: Annotated[
        Amount, WithJsonSchema({"anyOf": [{"enum": [1, 2, 5]}, {"enum": ["1", "2", "5"]}], "description": "1, 2 or 5"})
    ]
    return_to: ReturnTo = "site"


class MicroAnswer(Answer):
    """Where to pay."""

    url: str
    payment_id: str
    session_id: str


class UserInfo(Input):
    """Who gives; kept with the intent, never answered."""

    name: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    email: Email | None = None


class OtherInput(Input):
    """An amount of one's own, in USD."""

    amount: Amount
    user_info: UserInfo | None = None


class OtherAnswer(Answer):
    """Where the donation goes on."""

    redirect_url: str
    prefill_id: str
    expires_at: AwareDatetime


class PrefillAnswer(Answer):
    """What Charter begins with."""

    amount: float
    source: str


class GenerateInput(Input):
    """A donation in any currency."""

    amount: Amount
    currency: Annotated[str, Field(min_length=1, max_length=64, description="a code, a symbol or a name")]
    price_currency: Annotated[
        str | None, Field(min_length=1, max_length=64, description="what the amount is in, for crypto; USD by itself")
    ] = None
    prefill_id: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    email: Email | None = None
    strict: Annotated[
        bool, Field(description="reject an unknown currency instead of taking USD for it; send true, see docs/api.md")
    ] = False
    return_to: ReturnTo = "site"


class WalletPaymentAnswer(Answer):
    """An address to send coins to; an admin confirms what arrives."""

    coin: str
    address: str
    uri: Annotated[
        str, Field(description="what a wallet application opens, with the memo and amount that it can carry")
    ]
    network: Annotated[str | None, Field(description="the only network to send on, for a coin that has several")] = None
    network_name: Annotated[str | None, Field(description="the network's name, for people")] = None
    memo: Annotated[str | None, Field(description="memo or destination tag that the payment must carry")] = None
    amount: Annotated[
        str | None, Field(description="how many coins the price is worth, by the provider's estimate")
    ] = None
    qr: Annotated[str, Field(description="a picture of the URI, as a data URI")]


class GenerateAnswer(Answer):
    """Where to pay."""

    url: str
    kind: Annotated[str, Field(description="checkout, standing or wallet")]
    provider: str
    payment_id: Annotated[str | None, Field(description="null for a standing link, which several may pay")]
    currency: str
    amount: float
    price_currency: str
    requested_currency: str
    currency_defaulted: bool
    expires_at: AwareDatetime | None = None
    wallet: WalletPaymentAnswer | None = None


class TotalAnswer(Answer):
    """What has been given in the mode of the keys (test or live), net of refunds and disputes."""

    total: float
    currency: str
    count: Annotated[int, Field(description="gifts of which something is left after refunds and disputes")]
    by_currency: dict[str, float | str]
    unconverted: dict[str, float | str]
    updated_at: AwareDatetime | None


async def post_micro(call: Call) -> Any:
    """1, 2 or 5 USD by card."""
    wanted: MicroInput = call.body
    if wanted.amount not in _PRESETS:
        raise wrong_field("invalid_amount", "amount", "must be 1, 2 or 5")
    dollar = call.pod.currencies.table.by_code[_USD]
    checkout = await call.pod.checkouts.open(
        Wanted(
            amount=wanted.amount,
            currency=dollar,
            price_currency=dollar,
            source=MICRO,
            back=_back(call, _MISSION_SUPPORT, wanted.return_to),
            request_id=call.request_id,
            deadline=call.deadline,
            metadata={"preset_amount": plain(wanted.amount)},
            claim=call.claim,
        )
    )
    return {"url": checkout.url, "paymentId": checkout.payment_id, "sessionId": checkout.provider_id}


async def post_other(call: Call) -> Any:
    """Keep the amount and send the visitor to Charter."""
    wanted: OtherInput = call.body
    amount = check_amount(wanted.amount, call.pod.currencies.table.by_code[_USD])
    info = wanted.user_info.model_dump(exclude_none=True) if wanted.user_info else {}
    prefill = await prefills.make(call.pod.database, amount, info, call.request_id, call.claim)
    return {
        "redirectUrl": f"{_CHARTER}?prefill={prefill.id}&donationAmount={plain(prefill.amount)}",
        "prefillId": prefill.id,
        "expiresAt": timestamp(prefill.expires_at),
    }


async def get_prefill(call: Call) -> Any:
    """Read it, once."""
    amount, source = await prefills.use(call.pod.database, call.named("id"), _page_load(call), call.request_id)
    return {"amount": number(amount), "source": source}


async def head_prefill(call: Call) -> Any:
    """Scanners and previews look without consuming."""
    await prefills.look(call.pod.database, call.named("id"), _page_load(call))
    return web.Response()


async def post_generate(call: Call) -> Any:
    """A link for this donor, or a wallet to send coins to."""
    wanted: GenerateInput = call.body
    currency, defaulted = _recognised(call, wanted)
    price_currency = _priced_in(call, wanted, currency)
    bounds = (
        price_currency
        if currency.kind == "fiat" or price_currency.code != _USD
        else _in_dollars(currency, price_currency)
    )
    checkout = await call.pod.checkouts.open(
        Wanted(
            amount=check_amount(wanted.amount, bounds),
            currency=currency,
            price_currency=price_currency,
            source="charter",
            back=_back(call, _CHARTER, wanted.return_to),
            request_id=call.request_id,
            deadline=call.deadline,
            intent_id=wanted.prefill_id,
            email=wanted.email,
            claim=call.claim,
            requested_currency=wanted.currency,
            currency_defaulted=defaulted,
        )
    )
    return {
        **_shape(checkout, currency),
        "currency": currency.code,
        "amount": number(wanted.amount),
        "priceCurrency": price_currency.code,
        "requestedCurrency": wanted.currency,
        "currencyDefaulted": defaulted,
    }


async def get_total(call: Call) -> Any:
    """The public total."""
    found = await totals.by_currency(call.pod.database, livemode=call.pod.livemode)
    known = call.pod.currencies.table.by_code
    return {
        "total": number(sum((each.usd_amount for each in found), Decimal(0))),
        "currency": _USD,
        "count": sum(int(each.charges) for each in found),
        "byCurrency": {each.currency: quantity(known.get(each.currency), each.amount) for each in found},
        "unconverted": {
            each.currency: quantity(known.get(each.currency), each.unconverted) for each in found if each.unconverted
        },
        "updatedAt": timestamp(max(each.updated_at for each in found)) if found else None,
    }


def _back(call: Call, page: str, return_to: ReturnTo) -> str:
    settings = call.pod.settings
    if return_to == "embed" and settings.public_url:
        return f"{settings.public_url}/embed{page}"
    return settings.site_url + page


def _recognised(call: Call, wanted: GenerateInput) -> tuple[Currency, bool]:
    table = call.pod.currencies.table
    refuse_unsupported(table, "currency", wanted.currency)
    found = table.recognise_or(wanted.currency, _USD)
    if found.defaulted and wanted.strict:
        raise unknown_currency("currency")
    return found.currency, found.defaulted


def _priced_in(call: Call, wanted: GenerateInput, currency: Currency) -> Currency:
    """A card is charged in the currency that it is priced in; coins are priced in money that people count in."""
    table = call.pod.currencies.table
    if wanted.price_currency is None:
        return currency if currency.kind == "fiat" else table.by_code[_USD]
    refuse_unsupported(table, "priceCurrency", wanted.price_currency)
    named = table.recognise(wanted.price_currency)
    if named is None:
        raise unknown_currency("priceCurrency")
    if named.kind != "fiat":
        raise wrong_field("unknown_currency", "priceCurrency", "must be a currency such as USD or EUR, not a coin")
    if currency.kind == "fiat" and named.code != currency.code:
        raise wrong_field("invalid_request", "priceCurrency", f"must be {currency.code} like currency, or left out")
    return named


def _in_dollars(coin: Currency, dollar: Currency) -> Currency:
    """A coin's own bounds are in USD."""
    return Currency(
        code=dollar.code,
        name=dollar.name,
        symbol=dollar.symbol,
        kind=dollar.kind,
        exponent=dollar.exponent,
        enabled=dollar.enabled,
        min_amount=coin.min_amount,
        max_amount=coin.max_amount,
    )


def _shape(checkout: Checkout, currency: Currency) -> dict[str, Any]:
    shaped: dict[str, Any] = {
        "url": checkout.url,
        "kind": checkout.kind,
        "provider": checkout.provider,
        "paymentId": checkout.payment_id,
    }
    if checkout.expires_at is not None:
        shaped["expiresAt"] = timestamp(checkout.expires_at)
    if checkout.wallet is not None:
        shown = checkout.wallet.as_shown()
        shaped["wallet"] = {"coin": currency.code, **shown, "qr": wallet.qr_of(checkout.wallet.uri)}
    return shaped


def _page_load(call: Call) -> UUID | None:
    text = call.request.headers.get("X-HC-Page-Load")
    if text is None:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise InvalidError("invalid_page_load", "X-HC-Page-Load must be a UUID.") from None


_CREATING = (HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE)
_TAG = "Donations"

ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/mission-support/micro-payment",
        handler=post_micro,
        summary="Give 1, 2 or 5 USD",
        tag=_TAG,
        answer=MicroAnswer,
        body=MicroInput,
        refusals=_CREATING,
        idempotent=True,
    ),
    Endpoint(
        method="POST",
        path="/mission-support/other",
        handler=post_other,
        summary="Take another amount along to Charter",
        tag=_TAG,
        answer=OtherAnswer,
        body=OtherInput,
        refusals=(HTTPStatus.SERVICE_UNAVAILABLE,),
        idempotent=True,
    ),
    Endpoint(
        method="GET",
        path="/prefill/{id}",
        handler=get_prefill,
        summary="Read a prefill, once",
        tag=_TAG,
        answer=PrefillAnswer,
        headers={"X-HC-Page-Load": {"type": "string", "format": "uuid"}},
        refusals=(HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.GONE, HTTPStatus.SERVICE_UNAVAILABLE),
    ),
    Endpoint(
        method="HEAD",
        path="/prefill/{id}",
        handler=head_prefill,
        summary="Look without consuming",
        tag=_TAG,
        headers={"X-HC-Page-Load": {"type": "string", "format": "uuid"}},
        refusals=(HTTPStatus.BAD_REQUEST, HTTPStatus.GONE, HTTPStatus.SERVICE_UNAVAILABLE),
    ),
    Endpoint(
        method="POST",
        path="/charter/generate-payment",
        handler=post_generate,
        summary="Give any amount in any currency",
        tag=_TAG,
        answer=GenerateAnswer,
        body=GenerateInput,
        refusals=_CREATING,
        idempotent=True,
    ),
    Endpoint(
        method="GET",
        path="/charter/total",
        handler=get_total,
        summary="What has been given",
        tag=_TAG,
        answer=TotalAnswer,
        refusals=(HTTPStatus.SERVICE_UNAVAILABLE,),
    ),
]
