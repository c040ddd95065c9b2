"""The donation calls: micro payments, any amount, prefills from Mission Support to Charter, and the total."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from aiohttp import web

from hingecraft.donations import prefills, totals
from hingecraft.donations.checkouts import Checkouts
from hingecraft.donations.model import MICRO, Checkout, GiftRequest
from hingecraft.errors import ErrorCode, InvalidError
from hingecraft.money.model import Currency, check_amount, plain
from hingecraft.providers import wallet
from hingecraft.routes.model import timestamp
from hingecraft_api.handlers.donation_models import (
    GenerateAnswer,
    GenerateInput,
    MicroAnswer,
    MicroInput,
    OtherAnswer,
    OtherInput,
    PrefillAnswer,
    ReturnTo,
    TotalAnswer,
)
from hingecraft_api.messages.answers import number, quantity
from hingecraft_api.messages.bodies import wrong_field
from hingecraft_api.messages.currencies import refuse_unsupported, unknown_currency
from hingecraft_api.messages.described import PREFILL
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

_USD = "USD"
_PRESETS = (1, 2, 5)
_CHARTER, _MISSION_SUPPORT = "/charter", "/mission-support"


async def post_micro(call: Call) -> Any:
    """1, 2 or 5 USD by card."""
    wanted: MicroInput = call.body
    if wanted.amount not in _PRESETS:
        raise wrong_field("invalid_amount", "amount", "must be 1, 2 or 5")
    dollar = call.pod.currencies.table.by_code[_USD]
    checkout = await call.pod.parts[Checkouts].open(
        GiftRequest(
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
    amount, source = await prefills.use(call.pod.database, call.named("id"), _page_load(call), call.request_id)
    return {"amount": number(amount), "source": source}


async def head_prefill(call: Call) -> Any:
    """For link previews and scanners: the prefill stays unused."""
    await prefills.require_usable(call.pod.database, call.named("id"), _page_load(call))
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
    checkout = await call.pod.parts[Checkouts].open(
        GiftRequest(
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


_PROVIDER: tuple[ErrorCode, ...] = (
    "bad_url",
    "currency_disabled",
    "database_unavailable",
    "invalid_amount",
    "provider_busy",
    "provider_disabled",
    "provider_refused",
    "provider_unavailable",
)
_TAG = "Donations"
_PREFILL_ID = {"id": {"type": "string", "description": "the `prefillId`", "examples": [PREFILL]}}
_PAGE_LOAD = {
    "X-HC-Page-Load": {
        "type": "string",
        "format": "uuid",
        "description": "a UUID made once for each page load: the same value can read the prefill again for 60 seconds",
        "examples": ["0b4c8f34-4d7c-4a2e-9d36-2f1f5f0a8c11"],
    }
}

ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/charter/generate-payment",
        handler=post_generate,
        summary="Give any amount in any currency",
        tag=_TAG,
        description="Creates a payment link for one donor: a Stripe Checkout session for money, a NOWPayments invoice "
        "for coins. If NOWPayments cannot make an invoice and the coin has a wallet, the answer is that wallet "
        "(`kind` is `wallet`), and an admin confirms what arrives.\n\n"
        "**Send `strict: true`.** Without it, text that names no currency means US dollars.",
        answer=GenerateAnswer,
        body=GenerateInput,
        errors=(*_PROVIDER, "amount_out_of_range", "unknown_currency", "unknown_prefill", "unsupported_currency"),
        idempotent=True,
        any_origin=True,
    ),
    Endpoint(
        method="POST",
        path="/mission-support/micro-payment",
        handler=post_micro,
        summary="Give 1, 2 or 5 USD",
        tag=_TAG,
        description="Creates a Stripe Checkout session for a preset amount. Send the donor to `url`, then poll "
        "`GET /payments/{id}` with `paymentId`.",
        answer=MicroAnswer,
        body=MicroInput,
        errors=_PROVIDER,
        idempotent=True,
    ),
    Endpoint(
        method="POST",
        path="/mission-support/other",
        handler=post_other,
        summary="Take another amount to Charter",
        tag=_TAG,
        description="Keeps an amount in USD for 10 minutes, so that the Charter page can begin with it. Nothing is "
        "charged. Send the donor to `redirectUrl`, a path on the site.",
        answer=OtherAnswer,
        body=OtherInput,
        errors=("amount_out_of_range", "database_unavailable", "invalid_amount"),
        idempotent=True,
    ),
    Endpoint(
        method="GET",
        path="/prefill/{id}",
        handler=get_prefill,
        summary="Read a prefill, once",
        tag=_TAG,
        description="Returns the amount and uses up the prefill: of several reads at the same time one "
        "gets the amount, and every later read gets 410. Send `X-HC-Page-Load` if your page may repeat the request.",
        answer=PrefillAnswer,
        parts=_PREFILL_ID,
        headers=_PAGE_LOAD,
        errors=("database_unavailable", "invalid_page_load", "prefill_empty", "prefill_gone"),
    ),
    Endpoint(
        method="HEAD",
        path="/prefill/{id}",
        handler=head_prefill,
        summary="Check a prefill without using it",
        tag=_TAG,
        description="The same statuses as GET, and the prefill stays unused. Link previews and scanners do no harm.",
        parts=_PREFILL_ID,
        headers=_PAGE_LOAD,
        errors=("database_unavailable", "invalid_page_load", "prefill_gone"),
    ),
    Endpoint(
        method="GET",
        path="/charter/total",
        handler=get_total,
        summary="Get the public total",
        tag=_TAG,
        description="The sum of all settled donations in USD, net of refunds and disputes. Each settlement keeps the "
        "USD value that it had when it was settled. Test and live money are counted apart.",
        answer=TotalAnswer,
        errors=("database_unavailable",),
    ),
]
