"""The plans of the Wix app, and the way to Wix's checkout."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import field_validator

from hingecraft.identity.principal import Kind
from hingecraft.wix_app.billing.model import MONTHLY, YEARLY
from hingecraft.wix_app.billing.service import WixBilling
from hingecraft_api.messages.answers import Answer, number
from hingecraft_api.messages.bodies import Input
from hingecraft_api.messages.described import described
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

_TAG = "Wix app"
_CURRENCY = "USD"


class WixPlanAnswer(Answer):
    """A plan with its credits and prices."""

    plan: Annotated[str, described("`free`, `starter`, `pro` or `agency`", "starter")]
    credits: Annotated[int, described("credits of each billing period; of `free`, once", 50)]
    monthly: Annotated[float | None, described("the price of a month; null: only Wix's checkout shows it", 9)]
    yearly: Annotated[float | None, described("the price of a year; null: only Wix's checkout shows it", 90)]


class WixPlansAnswer(Answer):
    """All plans, the free one first."""

    plans: Annotated[list[WixPlanAnswer], described("from small to large")]
    currency: Annotated[str, described("of the prices", _CURRENCY)]
    market_url: Annotated[str, described("where sites install the app", "https://www.wix.com/app-market")]


class CheckoutUrlInput(Input):
    """A plan, and how it is paid."""

    plan_id: Annotated[
        str,
        described("a plan's name or one of its variants, in any case", "starter-yearly", min_length=1, max_length=255),
    ]
    cycle: Annotated[
        str | None,
        described("`monthly` or `yearly`; without it the ending of `planId` decides, else it is monthly", "yearly"),
    ] = None

    @field_validator("cycle")
    @classmethod
    def _cycle(cls, cycle: str | None) -> str | None:
        found = cycle.upper() if cycle is not None else None
        if found not in {None, MONTHLY, YEARLY}:
            raise ValueError("must be monthly or yearly")
        return found


class CheckoutUrlAnswer(Answer):
    """The URL of Wix's checkout."""

    checkout_url: Annotated[
        str,
        described("open it in a new tab; it can be paid for 48 hours", "https://manage.wix.com/premium-purchase/..."),
    ]


async def get_plans(call: Call) -> Any:
    settings = call.pod.settings
    prices = settings.plan_prices
    return {
        "plans": [
            {
                "plan": plan.name,
                "credits": plan.credits,
                "monthly": number(prices[plan.name].monthly) if plan.name in prices else None,
                "yearly": number(prices[plan.name].yearly) if plan.name in prices else None,
            }
            for plan in await call.pod.parts[WixBilling].plans()
        ],
        "currency": _CURRENCY,
        "marketUrl": settings.wix_app_market_url,
    }


async def post_checkout_url(call: Call) -> Any:
    """Asks Wix; nothing is stored, and nothing is charged before the owner pays there."""
    body: CheckoutUrlInput = call.body
    site, billing = UUID(call.principal.id), call.pod.parts[WixBilling]
    return {"checkoutUrl": await billing.checkout_url(site, body.plan_id, body.cycle, call.deadline)}


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/wix/plans",
        handler=get_plans,
        summary="List the plans of the Wix app",
        description="With the credits of each billing period.",
        tag=_TAG,
        answer=WixPlansAnswer,
        errors=("database_unavailable",),
    ),
    Endpoint(
        method="POST",
        path="/api/v1/wix/billing/checkout-url",
        handler=post_checkout_url,
        summary="Get the address of Wix's checkout",
        description=(
            "The site's owner pays at Wix; the plan follows from Wix's events. Wix does not let apps offer a smaller "
            "plan or a change from yearly to monthly: these are rejected with what to do instead."
        ),
        tag=_TAG,
        body=CheckoutUrlInput,
        answer=CheckoutUrlAnswer,
        access=(Kind.WIX_INSTANCE,),
        errors=(
            "already_subscribed",
            "bad_url",
            "database_unavailable",
            "downgrade",
            "provider_refused",
            "provider_unavailable",
            "unknown_plan",
            "yearly_to_monthly",
        ),
    ),
]
