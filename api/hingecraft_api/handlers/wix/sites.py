"""The Wix app's dashboard: the site that calls, its plan and its credits."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from pydantic import AwareDatetime

from hingecraft.identity.principal import Kind
from hingecraft.routes.model import timestamp
from hingecraft.wix_app.client.bi_events import BiEvents
from hingecraft.wix_app.client.client import BiEvent
from hingecraft.wix_app.credits import service as site_credits
from hingecraft.wix_app.credits.model import LONGEST_REFERENCE, MOST_CREDITS
from hingecraft.wix_app.sites import service
from hingecraft_api.messages.answers import Answer
from hingecraft_api.messages.bodies import Input
from hingecraft_api.messages.described import MOMENT, described
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

INSTANCE = "7c9e6679-7425-40de-944b-e07fc1f90ae7"


class SiteStatusAnswer(Answer):
    """The plan and the credits of the site."""

    user_id: Annotated[str, described("the site's instance id", INSTANCE)]
    email: Annotated[str | None, described("the owner's address, where Wix tells it", "owner@example.com")]
    plan: Annotated[str, described("`free`, `starter`, `pro` or `agency`", "starter")]
    billing_cycle: Annotated[
        str | None,
        described(
            "how the plan is paid: `monthly`, `yearly`, or longer, such as `two_years`; null: no plan", "monthly"
        ),
    ]
    credits: Annotated[int, described("credits that can be spent", 42)]
    credits_used: Annotated[int, described("credits spent in this billing period", 8)]
    billing_source: Annotated[str, described("`wix`, or `none` without a paid plan", "wix")]
    is_trial: Annotated[bool, described("true until the site pays for a plan", False)]
    trial_credits_remaining: Annotated[int, described("what is left of the trial's credits, which do not expire", 3)]
    current_period_end: Annotated[AwareDatetime | None, described("when the billing period ends", MOMENT)]
    cancel_at_period_end: Annotated[bool, described("whether the plan ends then", False)]
    payment_failed_at: Annotated[
        AwareDatetime | None, described("when Wix said that a payment had failed; null: it is paid", None)
    ]


class SiteSpendInput(Input):
    """Credits to spend."""

    amount: Annotated[int, described("how many credits", 1, ge=1, le=MOST_CREDITS)]
    reference: Annotated[
        str,
        described(
            "names this spend for this site; a repeat with the same reference changes nothing",
            "export-2026-11-0001",
            min_length=1,
            max_length=LONGEST_REFERENCE,
        ),
    ]


class SiteSpentAnswer(Answer):
    """The credits that are left; the same for each repeat of the reference."""

    credits: Annotated[int, described("credits that can be spent after it", 41)]


def site_of(call: Call) -> UUID:
    """The site that calls."""
    return UUID(call.principal.id)


async def get_status(call: Call) -> Any:
    found = await service.status(call.pod.database, site_of(call))
    call.pod.parts[BiEvents].tell(found.instance_id, BiEvent.DASHBOARD_LOADED)
    return {
        "userId": str(found.instance_id),
        "email": found.email,
        "plan": found.plan,
        "billingCycle": found.cycle.lower() if found.cycle is not None else None,
        "credits": found.credits,
        "creditsUsed": found.used,
        "billingSource": "none" if found.is_trial else "wix",
        "isTrial": found.is_trial,
        "trialCreditsRemaining": found.trial,
        "currentPeriodEnd": timestamp(found.period_end) if found.period_end else None,
        "cancelAtPeriodEnd": found.cancel_at_period_end,
        "paymentFailedAt": timestamp(found.payment_failed_at) if found.payment_failed_at else None,
    }


async def post_spend(call: Call) -> Any:
    body: SiteSpendInput = call.body
    left = await site_credits.spend(call.pod.database, site_of(call), body.amount, body.reference)
    call.pod.parts[BiEvents].tell(site_of(call), BiEvent.PRIMARY_ACTION)
    return {"credits": left}


ENDPOINTS = [
    Endpoint(
        method="GET",
        path="/api/v1/wix/user/status",
        handler=get_status,
        summary="Read a site's plan and credits",
        description="The site's first call creates it, with the trial's credits.",
        tag="Wix app",
        answer=SiteStatusAnswer,
        access=(Kind.WIX_INSTANCE,),
        errors=("database_unavailable",),
    ),
    Endpoint(
        method="POST",
        path="/api/v1/wix/credits/spend",
        handler=post_spend,
        summary="Spend a site's credits",
        description="Once for each reference: if you get no answer, send the same call again, and you get the answer "
        "to the first. The plan's credits are spent first, since they lapse with their period; those of the trial "
        "and bought ones do not. A spend that is rejected with `insufficient_credits` leaves its reference free.",
        tag="Wix app",
        answer=SiteSpentAnswer,
        body=SiteSpendInput,
        access=(Kind.WIX_INSTANCE,),
        errors=("database_unavailable", "insufficient_credits", "reference_reused"),
    ),
]
