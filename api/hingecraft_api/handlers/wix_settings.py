"""The Wix app's dashboard: what a site's owner sets for the widget and the news."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from hingecraft.identity.principal import Actor, Kind
from hingecraft.money.model import plain
from hingecraft.wix_app.site_settings import service
from hingecraft_api.handlers.wix_sites import site_of
from hingecraft_api.messages.amounts import Amount
from hingecraft_api.messages.answers import Answer, number
from hingecraft_api.messages.bodies import Input, wrong_field
from hingecraft_api.messages.described import described
from hingecraft_api.messages.emails import Email
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

_PATH = "/api/v1/wix/settings"
_MOST_AMOUNTS, _LARGEST_AMOUNT = 6, 1_000_000

Theme = Literal["light", "dark"]


class SiteSettingsInput(Input):
    """The settings to change; those that are left out stay as they are."""

    widget_title: Annotated[str | None, described("the heading of the widget", "Support our work", max_length=100)] = (
        None
    )
    widget_theme: Annotated[Theme | None, described("the widget's colours", "dark")] = None
    widget_border: Annotated[bool | None, described("whether the widget has a border", True)] = None
    widget_amounts: Annotated[
        list[Amount] | None,
        described("the amounts that the widget offers", [10, 25, 50], min_length=1, max_length=_MOST_AMOUNTS),
    ] = None
    notification_email: Annotated[
        Email | Literal[""] | None, described("where news is sent; empty: nowhere", "owner@example.com")
    ] = None


class SiteSettingsAnswer(Answer):
    """All settings of the site."""

    widget_title: Annotated[str, described("the heading of the widget", "Support our work")]
    widget_theme: Annotated[Theme, described("the widget's colours", "light")]
    widget_border: Annotated[bool, described("whether the widget has a border", True)]
    widget_amounts: Annotated[list[Decimal], described("the amounts that the widget offers", [10, 25, 50])]
    notification_email: Annotated[str | None, described("where news is sent; null: nowhere", "owner@example.com")]


async def get_settings(call: Call) -> Any:
    """With the defaults of those that were not set."""
    return _answered(await service.all_of(call.pod.database, site_of(call)))


async def put_settings(call: Call) -> Any:
    """Only those that are sent."""
    body: SiteSettingsInput = call.body
    sent = {name: value for name, value in body.model_dump(by_alias=True).items() if value is not None}
    if "widgetAmounts" in sent:
        sent["widgetAmounts"] = [_offered(amount) for amount in sent["widgetAmounts"]]
    actor = Actor(name=call.principal.actor, request_id=call.request_id)
    return _answered(await service.change(call.pod.database, site_of(call), sent, actor))


def _offered(amount: Decimal) -> str:
    if not 0 < amount <= _LARGEST_AMOUNT or amount != round(amount, 2):
        raise wrong_field(
            "invalid_request", "widgetAmounts", f"must be from 0.01 to {_LARGEST_AMOUNT}, with two decimals at most"
        )
    return plain(amount)


def _answered(stored: dict[str, Any]) -> Any:
    return {
        "widgetTitle": stored.get("widgetTitle", "Support us"),
        "widgetTheme": stored.get("widgetTheme", "light"),
        "widgetBorder": stored.get("widgetBorder", True),
        "widgetAmounts": [number(Decimal(amount)) for amount in stored.get("widgetAmounts", ("10", "25", "50", "100"))],
        "notificationEmail": stored.get("notificationEmail") or None,
    }


ENDPOINTS = [
    Endpoint(
        method="GET",
        path=_PATH,
        handler=get_settings,
        summary="Read a site's settings",
        description="A setting that was never changed has its default.",
        tag="Wix app",
        answer=SiteSettingsAnswer,
        access=(Kind.WIX_INSTANCE,),
        errors=("database_unavailable",),
    ),
    Endpoint(
        method="PUT",
        path=_PATH,
        handler=put_settings,
        summary="Change a site's settings",
        description="Changes the settings that are sent, and answers with all. Each change has a row in the audit log. "
        "A duplicate of the site begins with the settings of its origin.",
        tag="Wix app",
        answer=SiteSettingsAnswer,
        body=SiteSettingsInput,
        access=(Kind.WIX_INSTANCE,),
        errors=("database_unavailable",),
    ),
]
