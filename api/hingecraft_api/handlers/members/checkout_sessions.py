"""Members' checkouts of packs and plans."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import RootModel

from hingecraft.credits.checkout_states import state_of
from hingecraft.credits.checkouts import CheckoutRequest, MemberCheckouts
from hingecraft.credits.prices.service import Prices
from hingecraft.identity.principal import Kind
from hingecraft.members.returning import check_return
from hingecraft_api.messages.answers import Answer, number
from hingecraft_api.messages.bodies import Input, wrong_field, wrong_fields
from hingecraft_api.messages.described import PAYMENT, SESSION, described
from hingecraft_api.messages.metadata import Metadata
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

_TAG = "Credits"


class CheckoutInput(Input):
    """A pack or plan. What it costs and what it grants is decided here, never by the client."""

    price_id: Annotated[
        str | None,
        described(
            "`priceId` of `GET /api/v1/credits/packs`; required without `planSession`",
            "price_QUICK_SCAN",
            min_length=1,
            max_length=255,
        ),
    ] = None
    plan_session: Annotated[
        str | None,
        described(
            "the token of a plan session, instead of `priceId`, `planType` and `metadata`; it opens one checkout",
            min_length=1,
            max_length=4096,
        ),
    ] = None
    plan_type: Annotated[str | None, described("must be the price's own, if it is sent", "credits", max_length=100)] = (
        None
    )
    metadata: Annotated[
        Metadata | None, described("kept at Stripe with the payment; it identifies nobody", {"campaign": "spring"})
    ] = None
    success_url: Annotated[
        str | None,
        described(
            "where the member returns after paying; Stripe replaces `{CHECKOUT_SESSION_ID}`. Default: the site",
            "https://www.example.com/thanks?session_id={CHECKOUT_SESSION_ID}",
        ),
    ] = None
    cancel_url: Annotated[
        str | None, described("where the member returns without paying. Default: the site", "https://www.example.com/")
    ] = None


class CheckoutAnswer(Answer):
    """A Checkout Session of Stripe."""

    url: Annotated[str, described("send the member there", f"https://checkout.stripe.com/c/pay/{SESSION}")]
    session_id: Annotated[str, described("for `GET /api/v1/checkout-sessions/{sessionId}`", SESSION)]
    payment_id: Annotated[str, described("the payment's id", PAYMENT)]


class CheckoutStateAnswer(Answer):
    """The state of a checkout."""

    session_id: Annotated[str, described("as in the path", SESSION)]
    status: Annotated[
        Literal["open", "paid", "expired", "failed", "refunded", "error"],
        described(
            "`open`: not paid yet, also while a bank transfer is on its way. `paid`: the credits are there, or "
            "come with the plan's first invoice in a moment. `refunded`: all of it went back. `error`: what was paid "
            "is not what was asked for, and a person looks into it",
            "paid",
        ),
    ]
    plan_type: Annotated[str | None, described("null if a restored backup has lost it", "credits")]
    credits: Annotated[int | None, described("credits of the pack, or of each period of the plan", 50)]


class PackAnswer(Answer):
    """A pack or plan that is offered."""

    plan_type: Annotated[str, described("`credits` for packs", "credits")]
    kind: Annotated[Literal["pack", "subscription"], described("paid once, or each period", "pack")]
    credits: Annotated[int, described("credits of the pack, or of each period", 50)]
    price_id: Annotated[str, described("for `POST /api/v1/checkout-sessions`", "price_QUICK_SCAN")]
    amount: Annotated[float, described("in `currency`, before discounts", 5)]
    currency: Annotated[str, described("of `amount`", "USD")]


class PacksAnswer(RootModel[list[PackAnswer]]):
    """Packs, then plans, each from few to many credits."""


async def post_checkout_session(call: Call) -> Any:
    """A session for the member's own customer."""
    body: CheckoutInput = call.body
    _check_choice(body)
    opened = await call.pod.parts[MemberCheckouts].open(
        CheckoutRequest(
            user_id=UUID(call.principal.id),
            email=call.principal.email,
            price_id=body.price_id or "",
            plan_type=body.plan_type,
            metadata=body.metadata or {},
            success_url=_return(call, "successUrl", body.success_url),
            cancel_url=_return(call, "cancelUrl", body.cancel_url),
            request_id=call.request_id,
            deadline=call.deadline,
            claim=call.claim,
            plan_session=body.plan_session,
        )
    )
    return {"url": opened.url, "sessionId": opened.provider_id, "paymentId": str(opened.payment_id)}


def _check_choice(body: CheckoutInput) -> None:
    """The price is named by the client or by its plan session, and not by both."""
    if body.plan_session is None and body.price_id is None:
        raise wrong_field("invalid_request", "priceId", "is required, unless planSession is sent")
    named = {"priceId": body.price_id, "planType": body.plan_type, "metadata": body.metadata}
    twice = [name for name, value in named.items() if value is not None]
    if body.plan_session is not None and twice:
        raise wrong_fields("invalid_request", dict.fromkeys(twice, "must be left out: planSession has it"))


async def get_checkout_session(call: Call) -> Any:
    session_id = call.named("sessionId")
    found = await state_of(call.pod.database, session_id, UUID(call.principal.id))
    return {
        "sessionId": session_id,
        "status": found.status,
        "planType": found.plan_type,
        "credits": found.credits,
    }


async def get_packs(call: Call) -> Any:
    """The packs and plans that are offered."""
    return [
        {
            "planType": price.plan_type,
            "kind": price.kind,
            "credits": price.credits,
            "priceId": price.price_id,
            "amount": number(price.amount) if price.amount is not None else None,
            "currency": price.currency,
        }
        for price in await call.pod.parts[Prices].offered()
    ]


def _return(call: Call, field: str, address: str | None) -> str | None:
    return None if address is None else check_return(field, address, call.pod.settings.returns_to)


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/api/v1/checkout-sessions",
        handler=post_checkout_session,
        summary="Buy a pack or a plan",
        description="Makes a Checkout Session of Stripe for one member. Send the member to `url`. Promotion codes can "
        "be entered there. Credits follow from Stripe's events, not from the return.",
        tag=_TAG,
        answer=CheckoutAnswer,
        status=201,
        body=CheckoutInput,
        access=(Kind.USER,),
        errors=(
            "already_subscribed",
            "another_currency",
            "bad_url",
            "database_unavailable",
            "invalid_plan_session",
            "not_authorized",
            "plan_session_used",
            "plan_sessions_disabled",
            "provider_busy",
            "provider_disabled",
            "provider_refused",
            "provider_unavailable",
            "return_not_allowed",
            "unknown_price",
        ),
        idempotent=True,
    ),
    Endpoint(
        method="GET",
        path="/api/v1/checkout-sessions/{sessionId}",
        handler=get_checkout_session,
        summary="Get the status of a checkout",
        description="For the page that the member returns to. Poll it while `status` is `open`.",
        tag=_TAG,
        answer=CheckoutStateAnswer,
        parts={"sessionId": {"type": "string", "description": "the `sessionId`", "examples": [SESSION]}},
        access=(Kind.USER,),
        errors=("database_unavailable", "not_authorized", "unknown_session"),
    ),
    Endpoint(
        method="GET",
        path="/api/v1/credits/packs",
        handler=get_packs,
        summary="List packs and plans",
        description="Those that are active and that Stripe has a price for.",
        tag=_TAG,
        answer=PacksAnswer,
        errors=("database_unavailable",),
    ),
]
