"""An admin's calls on routes: rebuild, history, pin, policy."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from hingecraft.routes import service as routes
from hingecraft.routes.model import PROVIDERS, Policy, PolicyChange, timestamp
from hingecraft.routes.service import Act
from hingecraft_api.answers import Answer
from hingecraft_api.bodies import Input
from hingecraft_api.call import Call
from hingecraft_api.handlers.admin import PageQuery, admin

_LARGEST_VERSION = 2**62


class RefreshAnswer(Answer):
    """The newest version, and whether this rebuild made it."""

    version: int
    changed: bool


class VersionAnswer(Answer):
    """One kept version, without its routes."""

    version: int
    checksum: str
    generated_at: AwareDatetime
    restored_from: int | None
    route_count: int


class VersionsAnswer(Answer):
    """A page of the history, newest first."""

    items: list[VersionAnswer]
    next_cursor: str | None


class ProblemAnswer(Answer):
    """A row that pages do not use."""

    kind: Annotated[str, Field(description="wallet: it is not published; link: pages do not open it")]
    id: Annotated[str | None, Field(description="of the row in wallets or external_payments")]
    currency: str | None
    problem: Annotated[str, Field(description="what is wrong with it and what to do")]


class ProblemsAnswer(Answer):
    """All of them, the newest first."""

    items: list[ProblemAnswer]


class PinInput(Input):
    """The version to go back to; null lets the data publish again."""

    version: Annotated[int | None, Field(ge=1, le=_LARGEST_VERSION)]


class PinAnswer(Answer):
    """The version that the pin, or its end, has published."""

    version: int
    pin_version: int | None
    changed: bool


class SwitchInput(Input):
    """One provider."""

    enabled: bool


class ProvidersInput(Input):
    """The providers to switch."""

    stripe: SwitchInput | None = None
    nowpayments: SwitchInput | None = None


class PublishInput(Input):
    """What is published."""

    single_use_checkouts: bool | None = None


class PolicyInput(Input):
    """What to change; what is absent stays as it is. A pin has a call of its own."""

    providers: ProvidersInput | None = None
    publish: PublishInput | None = None
    paused: bool | None = None


class SwitchAnswer(Answer):
    """One provider."""

    enabled: bool


class PublishAnswer(Answer):
    """What is published."""

    single_use_checkouts: bool


class PolicyAnswer(Answer):
    """What every publisher obeys."""

    providers: dict[str, SwitchAnswer]
    publish: PublishAnswer
    paused: bool
    pin_version: int | None
    managed: Annotated[list[str], Field(description="fields that a PaymentRoutes resource sets")]


async def post_refresh(call: Call) -> Any:
    """Rebuild now; this pod takes the version up at once, the engines bring it to the others."""
    publication = await routes.refresh(call.pod.database, _act(call))
    await _take_up(call, publication.version)
    return {"version": publication.version, "changed": publication.changed}


async def get_versions(call: Call) -> Any:
    """The history of versions."""
    page: PageQuery = call.query
    before = int(page.cursor) if page.cursor else None
    rows, following = await routes.versions(call.pod.database, before=before, limit=page.limit)
    items = [
        {
            "version": row["version"],
            "checksum": row["checksum"],
            "generatedAt": timestamp(row["generated_at"]),
            "restoredFrom": row["restored_from"],
            "routeCount": row["route_count"],
        }
        for row in rows
    ]
    return {"items": items, "nextCursor": str(following) if following is not None else None}


async def get_problems(call: Call) -> Any:
    """Wallets and links that pages do not use, and why."""
    found = await routes.problems(call.pod.database)
    items = [
        {
            "kind": each.kind,
            "id": str(each.id) if each.id is not None else None,
            "currency": each.currency,
            "problem": each.problem,
        }
        for each in found
    ]
    return {"items": items}


async def post_pin(call: Call) -> Any:
    """Go back to a version, or end the pin."""
    pin: PinInput = call.body
    publication = await routes.pin(call.pod.database, pin.version, _act(call))
    await _take_up(call, publication.version)
    return {"version": publication.version, "pinVersion": pin.version, "changed": publication.changed}


async def get_policy(call: Call) -> Any:
    """The policy as it is."""
    return _shape(await routes.policy(call.pod.database))


async def patch_policy(call: Call) -> Any:
    """Change the policy."""
    wanted: PolicyInput = call.body
    switches: dict[str, bool] = {
        provider: switch.enabled
        for provider in PROVIDERS
        if wanted.providers is not None and (switch := getattr(wanted.providers, provider)) is not None
    }
    change = PolicyChange(
        providers=switches,
        single_use_checkouts=wanted.publish.single_use_checkouts if wanted.publish else None,
        paused=wanted.paused,
    )
    if not change.fields:
        return await get_policy(call)
    return _shape(await routes.change_policy(call.pod.database, change, _act(call)))


def _act(call: Call) -> Act:
    return Act(actor="admin", request_id=call.request_id)


async def _take_up(call: Call, version: int | None) -> None:
    if version is not None:
        await call.pod.loader.reach(version)


def _shape(policy: Policy) -> dict[str, Any]:
    return {
        "providers": {name: {"enabled": name not in policy.disabled_providers} for name in PROVIDERS},
        "publish": {"singleUseCheckouts": policy.single_use_checkouts},
        "paused": policy.paused,
        "pinVersion": policy.pin_version,
        "managed": sorted(policy.managed),
    }


ENDPOINTS = [
    admin(
        "POST", "/admin/refresh", post_refresh, "Rebuild the routes now", RefreshAnswer, refusals=(HTTPStatus.CONFLICT,)
    ),
    admin(
        "GET",
        "/admin/routes/versions",
        get_versions,
        "The versions that are kept",
        VersionsAnswer,
        query=PageQuery,
        refusals=(HTTPStatus.BAD_REQUEST,),
    ),
    admin("GET", "/admin/routes/problems", get_problems, "Wallets and links that pages do not use", ProblemsAnswer),
    admin(
        "POST",
        "/admin/routes/pin",
        post_pin,
        "Go back to a version, or end that",
        PinAnswer,
        body=PinInput,
        refusals=(HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
    ),
    admin("GET", "/admin/policy", get_policy, "What every publisher obeys", PolicyAnswer),
    admin(
        "PATCH",
        "/admin/policy",
        patch_policy,
        "Change what every publisher obeys",
        PolicyAnswer,
        body=PolicyInput,
        refusals=(HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT),
    ),
]
