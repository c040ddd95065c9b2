"""An admin's calls on routes: rebuild, history, pin, policy."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import AwareDatetime

from hingecraft.identity.principal import Actor
from hingecraft.routes import served
from hingecraft.routes import service as routes
from hingecraft.routes.model import PROVIDERS, Policy, PolicyChange, ProblemKind, timestamp
from hingecraft.routes.served import Reach
from hingecraft_api.handlers.admin.endpoints import admin
from hingecraft_api.handlers.pagination import PageQuery
from hingecraft_api.messages.answers import Answer, error_answer
from hingecraft_api.messages.bodies import Input
from hingecraft_api.messages.described import CHECKSUM, MOMENT, VERSION, described
from hingecraft_api.messages.sentences import Shape
from hingecraft_api.web.call import Call

_LARGEST_VERSION = 2**62


class RefreshQuery(Input):
    """Whether to wait until every pod serves the result, and how long."""

    wait: Annotated[
        Literal["served"] | None, described("`served`: answer when every pod serves everything committed so far")
    ] = None
    timeout: Annotated[
        Annotated[str, Shape("^([1-9]|[12][0-9]|30)s$", "must be whole seconds from 1s to 30s")],
        described("with `wait`: how long at most", "10s"),
    ] = "10s"


class RefreshAnswer(Answer):
    """The newest version, and whether this rebuild made it."""

    version: Annotated[int, described("the newest version", VERSION)]
    changed: Annotated[bool, described("`false`: the routes were up to date", example=True)]
    pods: Annotated[int | None, described("with `wait`: how many pods serve it", 3)] = None
    latency_ms: Annotated[int | None, described("with `wait`: milliseconds until the last of them did", 24)] = None


class VersionAnswer(Answer):
    """One version that is kept, without its routes."""

    version: Annotated[int, described("its number", VERSION)]
    checksum: Annotated[str, described("SHA-256 of its routes", CHECKSUM)]
    generated_at: Annotated[AwareDatetime, described("when it was made", MOMENT)]
    restored_from: Annotated[int | None, described("the version that a pin went back to")]
    route_count: Annotated[int, described("how many currencies it has", 149)]


class VersionsAnswer(Answer):
    """A page of the history, newest first."""

    items: Annotated[list[VersionAnswer], described("the versions")]
    next_cursor: Annotated[str | None, described("`cursor` of the next page; null on the last one", "12")]


class ProblemAnswer(Answer):
    """A row that pages do not use."""

    kind: Annotated[ProblemKind, described("`wallet`: it is not published. `link`: pages do not open it", "link")]
    id: Annotated[
        str | None, described("its row in `wallets` or `external_payments`", "3c1de0de-58f0-4a6d-a6a7-6d1b2c3d4e5f")
    ]
    currency: Annotated[str | None, described("the currency's code", "EUR")]
    problem: Annotated[
        str,
        described(
            "what is wrong with it and what to do", "its address is not https: save a link that begins with https://"
        ),
    ]


class ProblemsAnswer(Answer):
    """All rows that pages do not use, newest first."""

    items: Annotated[list[ProblemAnswer], described("the rows")]


class PinInput(Input):
    """The version to go back to."""

    version: Annotated[
        int | None,
        described("a version of `GET /admin/routes/versions`; null ends the pin", VERSION, ge=1, le=_LARGEST_VERSION),
    ]


class PinAnswer(Answer):
    """The version that the pin, or its end, has published."""

    version: Annotated[int, described("the newest version", VERSION + 1)]
    pin_version: Annotated[int | None, described("the version that is pinned; null without a pin", VERSION)]
    changed: Annotated[bool, described("`false`: these routes were served already", example=True)]


class SwitchInput(Input):
    """One provider."""

    enabled: Annotated[bool, described("`false` takes the provider's links off the pages", example=False)]


class ProvidersInput(Input):
    """The providers to switch."""

    stripe: Annotated[SwitchInput | None, described("card payments", {"enabled": False})] = None
    nowpayments: Annotated[SwitchInput | None, described("coin payments")] = None


class PublishInput(Input):
    """The publishing settings."""

    single_use_checkouts: Annotated[
        bool | None, described("`true` also publishes links that only one donor can use")
    ] = None


class PolicyInput(Input):
    """The fields to change. Absent fields stay as they are. A pin has its own call."""

    providers: Annotated[
        ProvidersInput | None, described("the providers to switch", {"stripe": {"enabled": False}})
    ] = None
    publish: Annotated[PublishInput | None, described("what is published")] = None
    paused: Annotated[bool | None, described("`true` stops every new version of the routes")] = None


class SwitchAnswer(Answer):
    """One provider."""

    enabled: Annotated[bool, described("whether its links are on the pages", example=True)]


class PublishAnswer(Answer):
    """The publishing settings."""

    single_use_checkouts: Annotated[
        bool, described("whether links that only one donor can use are published", example=False)
    ]


class PolicyAnswer(Answer):
    """The rules for publishing routes."""

    providers: Annotated[
        dict[str, SwitchAnswer],
        described("by name", {"stripe": {"enabled": False}, "nowpayments": {"enabled": True}}),
    ]
    publish: Annotated[PublishAnswer, described("what is published")]
    paused: Annotated[bool, described("`true`: no new version is published", example=False)]
    pin_version: Annotated[int | None, described("the version that is pinned; null without a pin")]
    managed: Annotated[
        list[str],
        described("fields that a `PaymentRoutes` resource sets: change them there", ["providers.nowpayments"]),
    ]


async def post_refresh(call: Call) -> Any:
    """Rebuild now; this pod takes the version up at once, the engines bring it to the others."""
    began = time.monotonic()
    publication = await routes.refresh(call.pod.database, _actor(call))
    await _take_up(call, publication.version)
    answer = {"version": publication.version, "changed": publication.changed}
    query: RefreshQuery = call.query
    if query.wait is None:
        return answer
    version, seconds = publication.version or 0, int(query.timeout.removesuffix("s"))
    since = await served.ask(call.pod.database)
    reach = await served.wait(call.pod.database, version, since=since, within=seconds)
    if not reach.has(version):
        return _not_served(call, version, seconds, reach)
    return {**answer, "pods": reach.pods, "latencyMs": round((time.monotonic() - began) * 1000)}


def _not_served(call: Call, version: int, seconds: int, reach: Reach) -> web.Response:
    lagging = list(reach.lagging)
    why = (
        f"Within {seconds} s not every pod served version {version}. Wait longer, or look at the pods in `lagging`."
        if reach.pods
        else f"Within {seconds} s no engine reported a pod. Check that the operator or `hingecraft sync` is running."
    )
    return error_answer(
        HTTPStatus.GATEWAY_TIMEOUT,
        "not_served_everywhere",
        why,
        request_id=call.request_id,
        more={"version": version, "pods": reach.pods, "lagging": lagging},
    )


async def get_versions(call: Call) -> Any:
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
    publication = await routes.pin(call.pod.database, pin.version, _actor(call))
    await _take_up(call, publication.version)
    return {"version": publication.version, "pinVersion": pin.version, "changed": publication.changed}


async def get_policy(call: Call) -> Any:
    return _shape(await routes.policy(call.pod.database))


async def patch_policy(call: Call) -> Any:
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
    return _shape(await routes.change_policy(call.pod.database, change, _actor(call)))


def _actor(call: Call) -> Actor:
    return Actor(name=call.principal.actor, request_id=call.request_id)


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
        "POST",
        "/admin/refresh",
        post_refresh,
        "Rebuild the routes now",
        RefreshAnswer,
        description="Changes in the database publish themselves. Use this if you don't want to wait, or to check. "
        "With `?wait=served` you get an answer when every pod serves everything that was committed before the call.",
        query=RefreshQuery,
        errors=("paused", "not_served_everywhere"),
    ),
    admin(
        "GET",
        "/admin/routes/versions",
        get_versions,
        "List the versions that are kept",
        VersionsAnswer,
        description="Newest first. Each version can be pinned.",
        query=PageQuery,
    ),
    admin(
        "GET",
        "/admin/routes/problems",
        get_problems,
        "List wallets and links that pages do not use",
        ProblemsAnswer,
        description="Each item says what is wrong with a row that was saved by hand, and how to correct it.",
    ),
    admin(
        "POST",
        "/admin/routes/pin",
        post_pin,
        "Go back to a version",
        PinAnswer,
        description="Publishes the routes of an earlier version as a new one, and keeps them until you send "
        '`{"version": null}`.',
        body=PinInput,
        errors=("managed_by_resource", "paused", "unknown_version"),
    ),
    admin(
        "GET",
        "/admin/policy",
        get_policy,
        "Get the policy",
        PolicyAnswer,
        description="Which providers are on, what is published, and whether publishing is paused or pinned.",
    ),
    admin(
        "PATCH",
        "/admin/policy",
        patch_policy,
        "Change the policy",
        PolicyAnswer,
        description="Send only what you want to change. To take a provider's links off all pages, send "
        '`{"providers": {"stripe": {"enabled": false}}}`.',
        body=PolicyInput,
        errors=("managed_by_resource",),
    ),
]
