"""The settings that owners make for visitors: read by the widget, and by donation pages inside a site."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Annotated, Any, Literal
from uuid import UUID

from aiohttp import web
from pydantic.alias_generators import to_camel

from hingecraft.money.model import Currency
from hingecraft.wix_app.site_settings.appearance import Appearance, Appearances
from hingecraft_api.messages.answers import Answer, success, written
from hingecraft_api.messages.bodies import Input
from hingecraft_api.messages.described import described
from hingecraft_api.messages.negotiation import matches
from hingecraft_api.messages.sentences import Shape
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

PATH = "/api/v1/appearance"
_CACHED = "public, max-age=60"


SiteId = Annotated[
    str, Shape("^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$", "must be a site's instance id, which is a UUID")
]


class AppearanceQuery(Input):
    """The site whose settings are read."""

    site: Annotated[
        SiteId | None,
        described("the instance id of a Wix site that has the app; left out: the site of this backend's owner"),
    ] = None


class PaletteAnswer(Answer):
    """The colours of one theme, in which texts can be read."""

    accent: Annotated[str, described("of buttons and links", "#14594c")]
    accent_ink: Annotated[str, described("of text on the accent colour", "#ffffff")]
    accent_soft: Annotated[str, described("of the background of what is chosen", "#dfe9e7")]


class BoundsAnswer(Answer):
    """The amounts that can be given in a currency."""

    least: Annotated[float, described("the smallest", 0.5)]
    most: Annotated[float, described("the largest", 95000)]
    digits: Annotated[int, described("the most decimals", 2)]


class AppearanceAnswer(Answer):
    """The owner's settings; null where nothing is set, so that the page uses its own."""

    organization_name: Annotated[str | None, described("who receives the gifts", "HingeCraft")]
    page_title: Annotated[str | None, described("the heading of the donation page", "Give what you can")]
    page_text: Annotated[str | None, described("the text below it", "Every gift counts.")]
    thank_you_text: Annotated[str | None, described("what the thank-you page says besides", "It pays for tools.")]
    page_amounts: Annotated[list[str] | None, described("the amounts that the page offers", ["10", "25", "50"])]
    default_currency: Annotated[str | None, described("the currency to begin with", "EUR")]
    light: Annotated[PaletteAnswer | None, described("on light backgrounds")]
    dark: Annotated[PaletteAnswer | None, described("on dark backgrounds")]
    contact_email: Annotated[str | None, described("the address for questions", "hello@example.com")]
    privacy_url: Annotated[str | None, described("the privacy notice", "https://www.example.com/privacy")]
    refund_url: Annotated[str | None, described("the refund policy", "https://www.example.com/refunds")]
    widget_title: Annotated[str | None, described("the heading of the widget", "Support our work")]
    widget_theme: Annotated[Literal["light", "dark"] | None, described("its colours", "light")]
    widget_border: Annotated[bool | None, described("whether it has a border", True)]
    widget_amounts: Annotated[list[str] | None, described("the amounts that it offers", ["10", "25", "50"])]
    mode: Annotated[Literal["test", "live"], described("whether payments move real money", "test")]
    bounds: Annotated[
        dict[str, BoundsAnswer],
        described("each currency that cards are charged in", {"EUR": {"least": 0.5, "most": 95000, "digits": 2}}),
    ]


async def get_appearance(call: Call) -> Any:
    """The same answer for every visitor, so it may be cached."""
    query: AppearanceQuery = call.query
    shown = shown_of(await call.pod.parts[Appearances].of(UUID(query.site) if query.site else None))
    currencies = call.pod.currencies.table.by_code.values()
    data = {
        **shown,
        "mode": "live" if call.pod.livemode else "test",
        "bounds": {each.code: _bounds(each) for each in currencies if each.enabled and each.kind == "fiat"},
    }
    etag = f'"{hashlib.sha256(written(data).encode()).hexdigest()[:32]}"'
    headers = {"Cache-Control": _CACHED, "ETag": etag}
    known = call.request.headers.get("If-None-Match")
    if known is not None and matches(known, etag):
        return web.Response(status=304, headers=headers)
    answer = success(data)
    answer.headers.update(headers)
    return answer


def shown_of(appearance: Appearance) -> dict[str, Any]:
    """The part that visitors may see, as it goes into pages and answers."""
    return _in_json(asdict(appearance))


def _in_json(values: dict[str, Any]) -> dict[str, Any]:
    return {to_camel(name): _in_json(value) if isinstance(value, dict) else value for name, value in values.items()}


def _bounds(currency: Currency) -> dict[str, Any]:
    return {"least": currency.min_amount, "most": currency.max_amount, "digits": currency.exponent}


ENDPOINTS = [
    Endpoint(
        method="GET",
        path=PATH,
        handler=get_appearance,
        summary="Read how donation pages and widget look",
        description="Texts, amounts, colours and links that an owner has set in the dashboard, and what the widget "
        "needs to know about currencies. A page of any origin may call it. A change shows within about a minute.",
        tag="Donations",
        answer=AppearanceAnswer,
        query=AppearanceQuery,
        any_origin=True,
        other_statuses={304: "nothing has changed since the answer with this `ETag`"},
        errors=("database_unavailable",),
    )
]
