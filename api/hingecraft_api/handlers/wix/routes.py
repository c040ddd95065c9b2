"""The owner's dashboard: the routes, who serves them, and what can be switched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime

from hingecraft.dashboard import routes
from hingecraft.dashboard.switches import Effects, Switches
from hingecraft.errors import InvalidError
from hingecraft.routes.model import PROVIDERS, timestamp
from hingecraft_api.handlers.admin.routes import PinInput, ProblemAnswer
from hingecraft_api.handlers.wix.owner_endpoints import actor_of, owners
from hingecraft_api.messages.answers import Answer
from hingecraft_api.messages.bodies import Input
from hingecraft_api.messages.described import CHECKSUM, MOMENT, VERSION, described
from hingecraft_api.web.call import Call

_MOST_CODES = 12
_PREVIEW = described("`true`: change nothing, and say what the change would do", example=True)


class ServedVersionAnswer(Answer):
    """The newest version of the routes."""

    version: Annotated[int, described("its number", VERSION)]
    checksum: Annotated[str, described("SHA-256 of its routes", CHECKSUM)]
    generated_at: Annotated[AwareDatetime, described("when it was made", MOMENT)]
    restored_from: Annotated[int | None, described("the version that a pin went back to")]


class PodAnswer(Answer):
    """One pod of the backend."""

    name: Annotated[str, described("its name or address", "hingecraft-api-7d9c")]
    version: Annotated[int, described("the newest version that it has acknowledged", VERSION)]
    is_current: Annotated[bool, described("whether that is the newest one", example=True)]
    latency_ms: Annotated[int | None, described("milliseconds from the change until it served that version", 24)]
    failure: Annotated[str | None, described("why the last push did not arrive", None)]


class WixEndpointAnswer(Answer):
    """A Wix site that is told by webhooks."""

    name: Annotated[str, described("its name in `WIX_WEBHOOK_ENDPOINTS`", "site")]
    events: Annotated[list[str], described("what it is told about", ["routes.updated"])]
    state: Annotated[
        Literal["ok", "behind", "failing", "disabled"],
        described("`behind`: a message is on its way; `failing`: it does not answer", "ok"),
    ]
    delivered_version: Annotated[int | None, described("the newest version that it has taken", VERSION)]
    delivered_at: Annotated[AwareDatetime | None, described("when a message last arrived", MOMENT)]
    latency_ms: Annotated[int | None, described("milliseconds from that version until it arrived", 180)]
    failures: Annotated[int, described("failed deliveries since the last that arrived", 0)]
    waiting: Annotated[int, described("messages on their way", 0)]
    reason: Annotated[str | None, described("its last answer, or why it is disabled", None)]


class RouteCurrencyAnswer(Answer):
    """One currency."""

    code: Annotated[str, described("the currency's code", "EUR")]
    name: Annotated[str, described("its name", "Euro")]
    symbol: Annotated[str, described("its symbol", "€")]
    kind: Annotated[Literal["fiat", "crypto"], described("money or a coin", "fiat")]
    enabled: Annotated[bool, described("whether it is switched on", example=True)]
    available: Annotated[bool, described("whether pages offer it now", example=True)]
    provider: Annotated[str | None, described("where it is paid now; null: nowhere", "stripe")]
    has_link: Annotated[bool, described("whether there is a standing link for it", example=True)]
    has_wallet: Annotated[bool, described("whether there is a wallet for it", example=False)]


class RouteProviderAnswer(Answer):
    """One provider."""

    name: Annotated[Literal["stripe", "nowpayments"], described("its name", "stripe")]
    enabled: Annotated[bool, described("whether its links are on the pages", example=True)]
    configured: Annotated[bool, described("whether the backend has keys for it", example=True)]
    mode: Annotated[Literal["live", "test"], described("real money or test payments", "live")]


class RoutesStateAnswer(Answer):
    """The routes and who serves them."""

    version: Annotated[ServedVersionAnswer | None, described("the newest version; null: there is none yet")]
    served_everywhere: Annotated[bool, described("whether every pod serves it", example=True)]
    reported_at: Annotated[
        AwareDatetime | None, described("when the engine last reported; null: never, so check that one runs", MOMENT)
    ]
    pods: Annotated[list[PodAnswer], described("the pods, by name")]
    endpoints: Annotated[list[WixEndpointAnswer], described("the Wix sites, by name")]
    currencies: Annotated[list[RouteCurrencyAnswer], described("money first, by code")]
    providers: Annotated[list[RouteProviderAnswer], described("the providers")]
    paused: Annotated[bool, described("`true`: no new version is published", example=False)]
    pin_version: Annotated[int | None, described("the version that is pinned; null without a pin")]
    managed: Annotated[
        list[str],
        described("what a `PaymentRoutes` resource sets, so that it is switched there", ["providers.nowpayments"]),
    ]
    problems: Annotated[list[ProblemAnswer], described("wallets and links that pages do not use")]


class WixSwitchInput(Input):
    """Switches a currency or a provider on or off."""

    enabled: Annotated[bool, described("the new state", example=False)]
    preview: Annotated[bool, _PREVIEW] = False


class WixPinInput(PinInput):
    """The version to go back to."""

    preview: Annotated[bool, _PREVIEW] = False


class EffectsAnswer(Answer):
    """The effects of the change on the pages."""

    preview: Annotated[bool, described("`true`: nothing was changed", example=False)]
    version: Annotated[int | None, described("the newest version after it; in a preview the one it would be", VERSION)]
    closed: Annotated[list[str], described("currencies that pages no longer offer", ["EUR"])]
    opened: Annotated[list[str], described("currencies that pages offer again", [])]
    moved: Annotated[list[str], described("currencies that are paid elsewhere than before", [])]
    sentences: Annotated[
        list[str],
        described("the same in English", ["Pages stop offering EUR. Payments that have begun can still be completed."]),
    ]


async def get_routes(call: Call) -> Any:
    found = await routes.state(call.pod.database)
    newest = found.version["version"] if found.version is not None else 0
    return {
        "version": _version(found.version) if found.version is not None else None,
        "servedEverywhere": found.reach.has(newest),
        "reportedAt": timestamp(found.reported_at) if found.reported_at is not None else None,
        "pods": [
            {
                "name": pod.name,
                "version": pod.version,
                "isCurrent": pod.version >= newest,
                "latencyMs": pod.latency_ms,
                "failure": pod.failure,
            }
            for pod in found.reach.each
        ],
        "endpoints": [_endpoint(row) for row in found.endpoints],
        "currencies": [_currency(row) for row in found.currencies],
        "providers": [
            {
                "name": name,
                "enabled": name not in found.policy.disabled_providers,
                "configured": call.pod.providers.of(name).configured,
                "mode": "live" if call.pod.providers.of(name).livemode else "test",
            }
            for name in PROVIDERS
        ],
        "paused": found.policy.paused,
        "pinVersion": found.policy.pin_version,
        "managed": sorted(found.policy.managed),
        "problems": [
            {
                "kind": each.kind,
                "id": str(each.id) if each.id is not None else None,
                "currency": each.currency,
                "problem": each.problem,
            }
            for each in found.problems
        ],
    }


def _version(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "version": row["version"],
        "checksum": row["checksum"],
        "generatedAt": timestamp(row["generated_at"]),
        "restoredFrom": row["restored_from"],
    }


def _endpoint(row: Mapping[str, Any]) -> dict[str, Any]:
    state = "disabled" if row["disabled_at"] else "failing" if row["failures"] else "behind" if row["waiting"] else "ok"
    return {
        "name": row["name"],
        "events": list(row["events"]),
        "state": state,
        "deliveredVersion": row["delivered_version"],
        "deliveredAt": timestamp(row["delivered_at"]) if row["delivered_at"] else None,
        "latencyMs": max(row["latency_ms"], 0) if row["latency_ms"] is not None else None,
        "failures": row["failures"],
        "waiting": row["waiting"],
        "reason": row["disabled_because"] or row["answer"],
    }


def _currency(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "code": row["code"],
        "name": row["name"],
        "symbol": row["symbol"],
        "kind": row["kind"],
        "enabled": row["enabled"],
        "available": row["available"],
        "provider": row["provider"] if row["available"] else None,
        "hasLink": bool(row["has_link"]),
        "hasWallet": bool(row["has_wallet"]),
    }


async def post_currency(call: Call) -> Any:
    """Switch a currency on or off."""
    body: WixSwitchInput = call.body
    code = call.named("code").upper()
    effects = await call.pod.parts[Switches].currency(
        code, enabled=body.enabled, actor=actor_of(call), preview=body.preview
    )
    return await _done(call, effects, preview=body.preview)


async def post_provider(call: Call) -> Any:
    """Switch a provider on or off."""
    body: WixSwitchInput = call.body
    name = call.named("name")
    if name not in PROVIDERS:
        raise InvalidError("unknown_provider", "The provider must be stripe or nowpayments.")
    effects = await call.pod.parts[Switches].provider(
        name, enabled=body.enabled, actor=actor_of(call), preview=body.preview
    )
    return await _done(call, effects, preview=body.preview)


async def post_pin(call: Call) -> Any:
    """Go back to a version, or end the pin."""
    body: WixPinInput = call.body
    effects = await call.pod.parts[Switches].pin(body.version, actor=actor_of(call), preview=body.preview)
    return await _done(call, effects, preview=body.preview)


async def _done(call: Call, effects: Effects, *, preview: bool) -> dict[str, Any]:
    if not preview and effects.version is not None:
        await call.pod.loader.reach(effects.version)
    return {
        "preview": preview,
        "version": effects.version,
        "closed": list(effects.closed),
        "opened": list(effects.opened),
        "moved": list(effects.moved),
        "sentences": _sentences(effects),
    }


def _sentences(effects: Effects) -> list[str]:
    if effects.paused:
        return ["Publishing is paused, so pages do not change until it is resumed."]
    found = []
    if effects.closed:
        found.append(f"Pages stop offering {_listed(effects.closed)}. Payments that have begun can still be completed.")
    if effects.opened:
        found.append(f"Pages offer {_listed(effects.opened)} again.")
    if effects.moved:
        found.append(f"{_listed(effects.moved)} will be paid through another link, provider or wallet than before.")
    if effects.pin_version is not None:
        found.append(
            f"The routes of version {effects.pin_version} stay, whatever changes in the data, until the pin is ended."
        )
    return found or ["Nothing changes on the pages."]


def _listed(codes: tuple[str, ...]) -> str:
    named = ", ".join(codes[:_MOST_CODES])
    more = len(codes) - _MOST_CODES
    return f"{named} and {more} more" if more > 0 else named


_NAME = {"name": {"type": "string", "description": "`stripe` or `nowpayments`", "examples": ["stripe"]}}
_CODE = {"code": {"type": "string", "description": "the currency's code", "examples": ["EUR"]}}

ENDPOINTS = [
    owners(
        "GET",
        "routes",
        get_routes,
        "Get the state of the routes",
        RoutesStateAnswer,
        description="The newest version, the pods that serve it and the Wix sites that were told, each with how long "
        "that took; what is offered, and what can be switched.",
    ),
    owners(
        "POST",
        "routes/currencies/{code}",
        post_currency,
        "Switch a currency",
        EffectsAnswer,
        description="Pages follow within a second. Send `preview` first to see what it does.",
        parts=_CODE,
        body=WixSwitchInput,
        errors=("unknown_currency",),
    ),
    owners(
        "POST",
        "routes/providers/{name}",
        post_provider,
        "Switch a provider",
        EffectsAnswer,
        description="Takes the provider's links off the pages, or puts them back. Send `preview` first to see what it "
        "does.",
        parts=_NAME,
        body=WixSwitchInput,
        errors=("managed_by_resource", "unknown_provider"),
    ),
    owners(
        "POST",
        "routes/pin",
        post_pin,
        "Pin a version of the routes",
        EffectsAnswer,
        description="Publishes the routes of an earlier version as a new one, and keeps them until you send "
        '`{"version": null}`. Send `preview` first to see what it does.',
        body=WixPinInput,
        errors=("managed_by_resource", "paused", "unknown_version"),
    ),
]
