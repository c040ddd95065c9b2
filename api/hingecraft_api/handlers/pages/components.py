"""Pages for people: the HTML components under `/embed`, members' pages, the Wix app's plans; a module for sites."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from hingecraft.wix_app.site_settings.appearance import Appearance, Appearances
from hingecraft.wix_app.site_settings.colors import Palette
from hingecraft_api.handlers.pages.appearance import shown_of
from hingecraft_api.handlers.pages.folders import folder_of
from hingecraft_api.handlers.pages.policy import NOBODY, NOTHING, Sources, policy_of, sources_of
from hingecraft_api.messages.answers import SECURITY_HEADERS, written
from hingecraft_api.messages.negotiation import IDENTITY, matches
from hingecraft_api.settings import ApiSettings
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

COMPONENTS: Mapping[str, str] = {
    "/embed/charter": "charter-page-wix-ready.html",
    "/embed/mission-support": "mission-support.html",
}
# Nobody may frame them: a click on them buys something.
MEMBERS: Mapping[str, str] = {
    "/account": "account.html",
    "/account/return": "account-return.html",
    "/shop": "shop.html",
    "/shop/return": "shop-return.html",
}
# Where cards are paid: the only pages that may load Stripe.js.
PAYING = frozenset({"/shop"})
# Wix's app market and dashboard open it as a page of its own.
WIX_APP: Mapping[str, str] = {"/wix-pricing": "wix-pricing.html"}
# Wix's editors frame it; it loads the widget, and in an editor what speaks to that.
WIX_PANEL: Mapping[str, str] = {"/wix-panel": "wix-panel.html"}
MODULES: Mapping[str, str] = {"/assets/plan-session.js": "plan-session.js"}
# Pages of any origin load it.
WIDGET: Mapping[str, str] = {"/widget/hingecraft-donate.js": "hingecraft-donate.js"}
_PUBLIC_URL = "hingecraft-public-url"
# Wix shows a site in its editor and its preview from hosts of its own.
_WIX = ("https://manage.wix.com", "https://*.wix.com", "https://*.wixstudio.com")
_OLD_EDITOR = "https://*.editorx.com"
_META_POLICY = re.compile(r'\s*<meta http-equiv="Content-Security-Policy"[^>]*>')
_DATA = '<script type="application/json" id="appearance">{}</script>'
_NO_DATA = _DATA.format("{}")
_OWN_FILES = Sources(scripts=("'self'",))
_TOLD = '<meta name="hingecraft-{name}" content="{value}" />'


@dataclass(frozen=True, slots=True)
class _File:
    """One page or module, ready to be sent in each encoding."""

    bodies: Mapping[str, bytes]
    etag: str
    content_type: str
    headers: Mapping[str, str]


def pages_folder() -> Path:
    """The HTML components, and the modules for sites."""
    return folder_of("_embedded", "wix/html")


def _framed_by(settings: ApiSettings) -> tuple[str, ...]:
    parts = urlsplit(settings.site_url)
    return ("'self'", f"{parts.scheme}://{parts.netloc}", *_WIX, *settings.embed_origins)


def _with_settings(file: str, settings: ApiSettings) -> str:
    page = (pages_folder() / file).read_text(encoding="utf-8")
    for name, value in (("site", settings.site_url), ("backend", "/"), ("stripe-js", settings.stripe_js)):
        page = page.replace(_TOLD.format(name=name, value=""), _TOLD.format(name=name, value=escape(value)))
    return page


def _page(file: str, settings: ApiSettings, framed_by: Sequence[str], admitted: Sources = NOTHING) -> _File:
    page = _with_settings(file, settings)
    frames = SECURITY_HEADERS["X-Frame-Options"]
    framed = {"X-Frame-Options": frames} if framed_by == NOBODY else {}
    return _prepared(page, "text/html", {**framed, "Content-Security-Policy": policy_of(page, framed_by, admitted)})


def _module(file: str, public_url: str = "") -> _File:
    text = (pages_folder() / file).read_text(encoding="utf-8")
    if public_url:
        text = text.replace(_PUBLIC_URL, public_url)
    return _prepared(text, "text/javascript", {"Content-Security-Policy": SECURITY_HEADERS["Content-Security-Policy"]})


class _Component:
    """A donation page with what its owner has set: the texts as data, the colours in its style."""

    def __init__(self, file: str, settings: ApiSettings, framed_by: Sequence[str]) -> None:
        # The header's policy is stricter, and knows the colours.
        self._before, self._after = _META_POLICY.sub("", _with_settings(file, settings)).split(_NO_DATA)
        self._framed_by = framed_by
        self._made: tuple[Appearance, _File] | None = None

    async def of(self, call: Call) -> _File:
        """Made again when the settings have changed."""
        appearance = await call.pod.parts[Appearances].of()
        made = self._made
        if made is None or made[0] != appearance:
            made = self._made = (appearance, await asyncio.to_thread(self._with, appearance))
        return made[1]

    def _with(self, appearance: Appearance) -> _File:
        before = self._before.replace("</style>", f"{_colors(appearance)}</style>", 1)
        page = before + _DATA.format(_as_data(shown_of(appearance))) + self._after
        return _prepared(page, "text/html", {"Content-Security-Policy": policy_of(page, self._framed_by)})


def _as_data(shown: object) -> str:
    """JSON in which nothing ends the element around it."""
    return written(shown).replace("<", "\\u003c")


def _colors(appearance: Appearance) -> str:
    light, dark = appearance.light, appearance.dark
    if light is None or dark is None:
        return ""
    return f":root {{ {_declared(light)} }} @media (prefers-color-scheme: dark) {{ :root {{ {_declared(dark)} }} }}"


def _declared(palette: Palette) -> str:
    return f"--accent: {palette.accent}; --accent-ink: {palette.accent_ink}; --accent-soft: {palette.accent_soft};"


def _prepared(text: str, content_type: str, headers: Mapping[str, str]) -> _File:
    body = text.encode()
    # Brotli's encoder would leave four megabytes behind, for two kilobytes less on the way.
    bodies = {IDENTITY: body, "gzip": gzip.compress(body, mtime=0)}
    return _File(bodies, hashlib.sha256(body).hexdigest()[:32], content_type, headers)


def _endpoint(path: str, source: _File | _Component, summary: str, *, any_origin: bool = False) -> Endpoint:
    async def get_file(call: Call) -> web.Response:
        file = source if isinstance(source, _File) else await source.of(call)
        asked = call.request.headers
        encoding = call.pod.negotiation.choose(asked.get("Accept-Encoding", ""), file.bodies)
        headers = {name: value for name, value in SECURITY_HEADERS.items() if name != "X-Frame-Options"}
        headers |= {
            **file.headers,
            "Cache-Control": "public, max-age=60",
            "ETag": f'"{file.etag}-{encoding}"',
            "Vary": "Accept-Encoding, Origin",
        }
        known = asked.get("If-None-Match")
        if known is not None and matches(known, headers["ETag"]):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        if encoding != IDENTITY:
            headers["Content-Encoding"] = encoding
        return web.Response(
            body=file.bodies[encoding], content_type=file.content_type, charset="utf-8", headers=headers
        )

    return Endpoint(method="GET", path=path, handler=get_file, summary=summary, tag="Pages", any_origin=any_origin)


def endpoints_for(settings: ApiSettings) -> list[Endpoint]:
    """The pages. Without page code of the site around them they call this backend directly."""
    framed_by, stripe = _framed_by(settings), sources_of(settings.stripe_js)
    return [
        *(
            _endpoint(path, _Component(name, settings, framed_by), "Get a donation page")
            for path, name in COMPONENTS.items()
        ),
        *(
            _endpoint(path, _page(name, settings, NOBODY, stripe if path in PAYING else NOTHING), "Get a member's page")
            for path, name in MEMBERS.items()
        ),
        *(
            _endpoint(path, _page(name, settings, NOBODY), "Get a page of the Wix app")
            for path, name in WIX_APP.items()
        ),
        *(
            _endpoint(path, _page(name, settings, (*framed_by, _OLD_EDITOR), _OWN_FILES), "Get the widget's settings")
            for path, name in WIX_PANEL.items()
        ),
        *(_endpoint(path, _module(name), "Get a module for browsers") for path, name in MODULES.items()),
        *(
            _endpoint(path, _module(name, settings.public_url), "Get the donation widget", any_origin=True)
            for path, name in WIDGET.items()
        ),
    ]
