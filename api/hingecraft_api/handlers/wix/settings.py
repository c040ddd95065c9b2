"""The Wix app's dashboard: what a site's owner sets for the donation pages, the widget and the news."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from hingecraft.identity.principal import Actor, Kind
from hingecraft.money.model import plain
from hingecraft.wix_app.site_settings import service
from hingecraft.wix_app.site_settings.appearance import Appearances
from hingecraft_api.handlers.wix.sites import site_of
from hingecraft_api.messages.amounts import Amount
from hingecraft_api.messages.answers import Answer, number
from hingecraft_api.messages.bodies import Input, wrong_field
from hingecraft_api.messages.described import described
from hingecraft_api.messages.emails import EmailOrEmpty
from hingecraft_api.messages.texts import Color, HttpsLink, PlainText
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

_PATH = "/api/v1/wix/settings"
_MOST_AMOUNTS, _LARGEST_AMOUNT = 6, 1_000_000

# What the pages show before anything is set.
ORGANIZATION, ACCENT = "HingeCraft", "#14594c"
_AMOUNTS = ("10", "25", "50", "100")

_PAGE_TITLE = "the heading of the donation page; null: the page's own, in the visitor's language"
_PAGE_TEXT = "the text below the heading; null: the page's own, in the visitor's language"
_THANK_YOU = "what the thank-you page says besides the thanks; null: nothing"
_PAGE_AMOUNTS = "the amounts that the donation page offers, in `defaultCurrency`; other currencies have suitable ones"
_CURRENCY = "the currency that pages and widget begin with; null: that of the visitor's country"
_ACCENT = "the colour of buttons and links, as #rrggbb; made darker or lighter where text could not be read"
_CONTACT = "the address for questions, shown on the donation page"
_PRIVACY = "the privacy notice, linked from the donation page"
_REFUND = "the refund policy, linked from the donation page"
_WIDGET_TITLE = "the heading of the widget"
_NOTICES = "where those who run the backend can write to the owner; the backend itself sends no e-mails"

Theme = Literal["light", "dark"]


class SiteSettingsInput(Input):
    """The settings to change; those that are left out stay as they are. An empty text or list restores the default."""

    organization_name: Annotated[PlainText | None, described("who receives the gifts", "HingeCraft", max_length=60)] = (
        None
    )
    page_title: Annotated[PlainText | None, described(_PAGE_TITLE, "Give what you can", max_length=120)] = None
    page_text: Annotated[PlainText | None, described(_PAGE_TEXT, "Every gift counts.", max_length=400)] = None
    thank_you_text: Annotated[
        PlainText | None, described(_THANK_YOU, "Your gift pays for a day of tools.", max_length=300)
    ] = None
    page_amounts: Annotated[list[Amount] | None, described(_PAGE_AMOUNTS, [10, 25, 50], max_length=_MOST_AMOUNTS)] = (
        None
    )
    default_currency: Annotated[str | None, described(_CURRENCY, "EUR", max_length=3, pattern="^([A-Z]{3})?$")] = None
    accent_color: Annotated[Color | None, described(_ACCENT, "#14594c")] = None
    contact_email: Annotated[EmailOrEmpty | None, described(_CONTACT, "hello@example.com")] = None
    privacy_url: Annotated[HttpsLink | None, described(_PRIVACY, "https://www.example.com/privacy")] = None
    refund_url: Annotated[HttpsLink | None, described(_REFUND, "https://www.example.com/refunds")] = None
    widget_title: Annotated[PlainText | None, described(_WIDGET_TITLE, "Support our work", max_length=100)] = None
    widget_theme: Annotated[Theme | None, described("the widget's colours", "dark")] = None
    widget_border: Annotated[bool | None, described("whether the widget has a border", True)] = None
    widget_amounts: Annotated[
        list[Amount] | None,
        described("the amounts that the widget offers", [10, 25, 50], min_length=1, max_length=_MOST_AMOUNTS),
    ] = None
    notification_email: Annotated[EmailOrEmpty | None, described(_NOTICES, "owner@example.com")] = None


class SiteSettingsAnswer(Answer):
    """All settings of the site. Null: the pages use their own text in the visitor's language, or show nothing."""

    organization_name: Annotated[str, described("who receives the gifts", "HingeCraft")]
    page_title: Annotated[str | None, described(_PAGE_TITLE, "Give what you can")]
    page_text: Annotated[str | None, described(_PAGE_TEXT, "Every gift counts.")]
    thank_you_text: Annotated[str | None, described(_THANK_YOU, "Your gift pays for a day of tools.")]
    page_amounts: Annotated[list[Decimal], described(_PAGE_AMOUNTS, [10, 25, 50])]
    default_currency: Annotated[str | None, described(_CURRENCY, "EUR")]
    accent_color: Annotated[str, described(_ACCENT, "#14594c")]
    contact_email: Annotated[str | None, described(_CONTACT, "hello@example.com")]
    privacy_url: Annotated[str | None, described(_PRIVACY, "https://www.example.com/privacy")]
    refund_url: Annotated[str | None, described(_REFUND, "https://www.example.com/refunds")]
    widget_title: Annotated[str, described(_WIDGET_TITLE, "Support our work")]
    widget_theme: Annotated[Theme, described("the widget's colours", "light")]
    widget_border: Annotated[bool, described("whether the widget has a border", True)]
    widget_amounts: Annotated[list[Decimal], described("the amounts that the widget offers", [10, 25, 50])]
    notification_email: Annotated[str | None, described(_NOTICES, "owner@example.com")]


async def get_settings(call: Call) -> Any:
    return _answered(await service.all_of(call.pod.database, site_of(call)))


async def put_settings(call: Call) -> Any:
    body: SiteSettingsInput = call.body
    sent = {name: value for name, value in body.model_dump(by_alias=True).items() if value is not None}
    for name in ("pageAmounts", "widgetAmounts"):
        if name in sent:
            sent[name] = [_offered(name, amount) for amount in sent[name]]
    _check_currency(call, sent.get("defaultCurrency"))
    actor = Actor(name=call.principal.actor, request_id=call.request_id)
    site = site_of(call)
    stored = await service.change(call.pod.database, site, sent, actor)
    call.pod.parts[Appearances].forget(site)
    return _answered(stored)


def _offered(name: str, amount: Decimal) -> str:
    if not 0 < amount <= _LARGEST_AMOUNT or amount != round(amount, 2):
        raise wrong_field("invalid_request", name, f"must be from 0.01 to {_LARGEST_AMOUNT}, with two decimals at most")
    return plain(amount)


def _check_currency(call: Call, code: str | None) -> None:
    if not code:
        return
    found = call.pod.currencies.table.by_code.get(code)
    if found is None or found.kind != "fiat" or not found.enabled:
        raise wrong_field("invalid_request", "defaultCurrency", "must be a currency that donors can pay in by card")


def _answered(stored: dict[str, Any]) -> Any:
    def amounts(name: str) -> list[Decimal]:
        return [number(Decimal(amount)) for amount in stored.get(name) or _AMOUNTS]

    return {
        "organizationName": stored.get("organizationName") or ORGANIZATION,
        "pageTitle": stored.get("pageTitle") or None,
        "pageText": stored.get("pageText") or None,
        "thankYouText": stored.get("thankYouText") or None,
        "pageAmounts": amounts("pageAmounts"),
        "defaultCurrency": stored.get("defaultCurrency") or None,
        "accentColor": stored.get("accentColor") or ACCENT,
        "contactEmail": stored.get("contactEmail") or None,
        "privacyUrl": stored.get("privacyUrl") or None,
        "refundUrl": stored.get("refundUrl") or None,
        "widgetTitle": stored.get("widgetTitle") or "Support us",
        "widgetTheme": stored.get("widgetTheme", "light"),
        "widgetBorder": stored.get("widgetBorder", True),
        "widgetAmounts": amounts("widgetAmounts"),
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
