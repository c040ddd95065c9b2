"""Plan sessions: a visitor's choice of a price is kept until the checkout, in a cookie or as a token."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import AwareDatetime

from hingecraft.credits.model import PLAN_SESSION_SECONDS
from hingecraft.credits.plan_sessions import PlanSessions, nothing_chosen
from hingecraft.errors import MissingError
from hingecraft.routes.model import timestamp
from hingecraft_api.messages.answers import Answer, success
from hingecraft_api.messages.bodies import Input
from hingecraft_api.messages.described import MOMENT, described
from hingecraft_api.messages.errors import answer_for
from hingecraft_api.messages.metadata import Metadata
from hingecraft_api.messages.sentences import Shape
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

PATH = "/api/v1/plan-session"
COOKIE = "plan_session"
_SCHEME = "plansession"
_FRESH = {"Cache-Control": "no-store"}
_TOKEN = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJoaW5nZWNyYWZ0In0.c2lnbmF0dXJl"  # noqa: S105 - an example

PriceId = Annotated[
    str,
    Shape("^[A-Za-z0-9_]{1,255}$", "must be the priceId of a pack or plan, such as price_PRO_MONTHLY"),
    described("the price that was chosen, as `GET /api/v1/credits/packs` lists it", "price_PRO_MONTHLY"),
]
PlanType = Annotated[
    str,
    Shape("^[A-Za-z0-9_-]{1,64}$", "must be the planType of that price, such as vision_pro"),
    described("the plan type of that price", "vision_pro"),
]


class PlanSessionInput(Input):
    """The choice. It is checked when a checkout is opened with it."""

    price_id: PriceId
    plan_type: PlanType
    metadata: Annotated[
        Metadata, described("for the checkout; visitors can read it", {"campaign": "autumn"}, default_factory=dict)
    ]


class KeptAnswer(Answer):
    """A plan session."""

    token: Annotated[str, described("for `planSession` of a checkout, and `Authorization: PlanSession`", _TOKEN)]
    plan_type: Annotated[str, described("as it was sent", "vision_pro")]
    expires_at: Annotated[AwareDatetime, described("after 15 minutes it is gone", MOMENT)]


class PlanSessionAnswer(Answer):
    """The choice, as it was sent."""

    price_id: Annotated[str, described("the price", "price_PRO_MONTHLY")]
    plan_type: Annotated[str, described("the plan type", "vision_pro")]
    metadata: Annotated[dict[str, str], described("what the checkout gets", {"campaign": "autumn"})]
    expires_at: Annotated[AwareDatetime, described("after this it is gone", MOMENT)]


class NothingAnswer(Answer):
    """The plan session has ended."""


async def post_plan_session(call: Call) -> web.Response:
    """Sign the choice, and keep it in the cookie as well."""
    body: PlanSessionInput = call.body
    token, session = call.pod.parts[PlanSessions].sign(body.price_id, body.plan_type, body.metadata)
    data = {"token": token, "planType": session.plan_type, "expiresAt": timestamp(session.expires_at)}
    return _with_cookie(call, success(data, headers=_FRESH), token)


async def get_plan_session(call: Call) -> web.Response:
    """The choice, if a checkout can still use it."""
    session = await call.pod.parts[PlanSessions].find(_sent(call))
    data = {
        "priceId": session.price_id,
        "planType": session.plan_type,
        "metadata": dict(session.metadata),
        "expiresAt": timestamp(session.expires_at),
    }
    return success(data, headers=_FRESH)


async def delete_plan_session(call: Call) -> web.Response:
    """Forget it, in this browser: the same token, kept elsewhere, can still be used."""
    try:
        await call.pod.parts[PlanSessions].find(_sent(call))
    except MissingError as error:
        return _with_cookie(call, answer_for(error, call.request_id), None)
    return _with_cookie(call, success({}, headers=_FRESH), None)


def _sent(call: Call) -> str:
    """The token of the header, else that of the cookie."""
    scheme, _, token = call.request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == _SCHEME:
        return token.strip()
    kept = call.request.cookies.get(COOKIE)
    if not kept:
        raise nothing_chosen()
    return kept


def _with_cookie(call: Call, response: web.Response, token: str | None) -> web.Response:
    response.set_cookie(
        COOKIE,
        token or "",
        max_age=PLAN_SESSION_SECONDS if token else 0,
        path="/",
        domain=call.pod.settings.cookie_domain or None,
        secure=True,
        httponly=True,
        samesite="Lax",
    )
    return response


_SENT = {
    "Authorization": {
        "type": "string",
        "description": "`PlanSession <token>`; without it, the cookie counts",
        "examples": [f"PlanSession {_TOKEN}"],
    }
}
_KEPT = {
    "Set-Cookie": {
        "type": "string",
        "description": "the plan session for this browser, readable only for the backend",
        "examples": [f"{COOKIE}={_TOKEN}; HttpOnly; Max-Age={PLAN_SESSION_SECONDS}; Path=/; SameSite=Lax; Secure"],
    }
}
_CACHE = {"Cache-Control": {"type": "string", "description": "nobody keeps the answer", "examples": ["no-store"]}}

ENDPOINTS = [
    Endpoint(
        method="POST",
        path=PATH,
        handler=post_plan_session,
        summary="Keep the choice of a plan",
        description="For a visitor who chooses before signing in. The answer's token and the cookie are the same plan "
        "session. It is valid for 15 minutes, opens one checkout, and is signed but not secret: send nothing personal.",
        tag="Credits",
        answer=KeptAnswer,
        body=PlanSessionInput,
        answer_headers={**_KEPT, **_CACHE},
        errors=("plan_sessions_disabled",),
    ),
    Endpoint(
        method="GET",
        path=PATH,
        handler=get_plan_session,
        summary="Get the plan that was chosen",
        description="By the header, else by the cookie. The answer is 404 if there is none, or if it is forged, "
        "expired or used.",
        tag="Credits",
        answer=PlanSessionAnswer,
        headers=_SENT,
        answer_headers=_CACHE,
        errors=("database_unavailable", "no_plan_session", "plan_sessions_disabled"),
    ),
    Endpoint(
        method="DELETE",
        path=PATH,
        handler=delete_plan_session,
        summary="Forget the plan that was chosen",
        description="Deletes the cookie. A token that was kept elsewhere is valid until it expires.",
        tag="Credits",
        answer=NothingAnswer,
        headers=_SENT,
        answer_headers={**_KEPT, **_CACHE},
        errors=("database_unavailable", "no_plan_session", "plan_sessions_disabled"),
    ),
]
