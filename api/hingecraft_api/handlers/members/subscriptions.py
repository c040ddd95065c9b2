"""A member's plan, and Stripe's billing portal for it."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime

from hingecraft.credits.running_plan import plan_of
from hingecraft.identity.principal import Kind
from hingecraft.members.portal import Portal
from hingecraft.members.returning import check_return
from hingecraft.routes.model import timestamp
from hingecraft_api.messages.answers import Answer
from hingecraft_api.messages.bodies import Input
from hingecraft_api.messages.described import MOMENT, described
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

_TAG = "Credits"


class PlanAnswer(Answer):
    """The running plan."""

    plan_type: Annotated[str | None, described("the plan; null if its price is not entered here", "vision_pro")]
    price_id: Annotated[str | None, described("its price at Stripe", "price_PRO_MONTHLY")]
    status: Annotated[
        str, described("`incomplete`, `trialing`, `active`, `past_due`, `unpaid` or `paused`, as at Stripe", "active")
    ]
    current_period_end: Annotated[AwareDatetime | None, described("when the paid period ends", MOMENT)]
    cancel_at_period_end: Annotated[bool, described("whether it ends then instead of being renewed", False)]


class PortalInput(Input):
    """Where the member comes back to."""

    return_url: Annotated[
        str | None,
        described(
            "an address of the site or of `RETURN_ORIGINS`. Default: the site", "https://www.example.com/account"
        ),
    ] = None


class PortalAnswer(Answer):
    """A session of the portal."""

    url: Annotated[
        str,
        described("send the member there; it is for this member only", "https://billing.stripe.com/p/session/test_1"),
    ]


async def get_plan(call: Call) -> Any:
    """The caller's plan; null if there is none."""
    async with call.pod.database.connection() as conn:
        plan = await plan_of(conn, UUID(call.principal.id), livemode=call.pod.providers.stripe.livemode)
    if plan is None:
        return None
    return {
        "planType": plan.plan_type,
        "priceId": plan.price_id,
        "status": plan.status,
        "currentPeriodEnd": timestamp(plan.current_period_end) if plan.current_period_end else None,
        "cancelAtPeriodEnd": plan.cancel_at_period_end,
    }


async def post_billing_portal(call: Call) -> Any:
    """A portal for the caller's own customer."""
    body: PortalInput = call.body
    settings = call.pod.settings
    back = (
        settings.site_url
        if body.return_url is None
        else check_return("returnUrl", body.return_url, settings.returns_to)
    )
    return {"url": await call.pod.parts[Portal].open(UUID(call.principal.id), back, call.deadline)}


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/credits/plan",
        handler=get_plan,
        summary="Your plan",
        description="The running plan, as Stripe has it; null if there is none. Credits follow from paid invoices, "
        "never from this status.",
        tag=_TAG,
        answer=PlanAnswer,
        access=(Kind.USER,),
        errors=("database_unavailable",),
    ),
    Endpoint(
        method="POST",
        path="/api/v1/billing-portal",
        handler=post_billing_portal,
        summary="Open the billing portal",
        description="Stripe's portal for this member: payment method, invoices, cancel at the period's end, and change "
        "among the plans. Send the member to `url` at once. The body can be left out.",
        tag=_TAG,
        answer=PortalAnswer,
        body=PortalInput,
        body_optional=True,
        access=(Kind.USER,),
        errors=(
            "not_authorized",
            "database_unavailable",
            "no_customer",
            "provider_busy",
            "provider_disabled",
            "provider_unavailable",
            "return_not_allowed",
        ),
    ),
]
