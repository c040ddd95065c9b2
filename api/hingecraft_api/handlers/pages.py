"""Pages for people: the HTML components under `/embed`, members' pages, the Wix app's plans; a module for sites."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from hingecraft_api.handlers.page_policy import NOBODY, NOTHING, Sources, policy_of, sources_of
from hingecraft_api.messages.answers import SECURITY_HEADERS
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
MODULES: Mapping[str, str] = {"/assets/plan-session.js": "plan-session.js"}
# Wix shows a site in its editor and its preview from hosts of its own.
_WIX = ("https://manage.wix.com", "https://*.wix.com", "https://*.wixstudio.com")
_TOLD = '<meta name="hingecraft-{name}" content="{value}" />'


@dataclass(frozen=True, slots=True)
class _File:
    """One page or module, ready to be sent in each encoding."""

    bodies: Mapping[str, bytes]
    etag: str
    content_type: str
    headers: Mapping[str, str]


def pages_folder() -> Path:
    """Inside the wheel beside the handlers, in a checkout where the site's code is."""
    packaged = Path(__file__).parents[1] / "_embedded"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "wix/html"


def _framed_by(settings: ApiSettings) -> tuple[str, ...]:
    parts = urlsplit(settings.site_url)
    return ("'self'", f"{parts.scheme}://{parts.netloc}", *_WIX, *settings.embed_origins)


def _page(file: str, settings: ApiSettings, framed_by: Sequence[str], admitted: Sources = NOTHING) -> _File:
    page = (pages_folder() / file).read_text(encoding="utf-8")
    for name, value in (("site", settings.site_url), ("backend", "/"), ("stripe-js", settings.stripe_js)):
        page = page.replace(_TOLD.format(name=name, value=""), _TOLD.format(name=name, value=escape(value)))
    frames = SECURITY_HEADERS["X-Frame-Options"]
    framed = {"X-Frame-Options": frames} if framed_by == NOBODY else {}
    return _prepared(page, "text/html", {**framed, "Content-Security-Policy": policy_of(page, framed_by, admitted)})


def _module(file: str) -> _File:
    text = (pages_folder() / file).read_text(encoding="utf-8")
    return _prepared(text, "text/javascript", {"Content-Security-Policy": SECURITY_HEADERS["Content-Security-Policy"]})


def _prepared(text: str, content_type: str, headers: Mapping[str, str]) -> _File:
    body = text.encode()
    # Brotli's encoder would leave four megabytes behind, for two kilobytes less on the way.
    bodies = {IDENTITY: body, "gzip": gzip.compress(body, mtime=0)}
    return _File(bodies, hashlib.sha256(body).hexdigest()[:32], content_type, headers)


def _endpoint(path: str, file: _File, summary: str) -> Endpoint:
    async def get_file(call: Call) -> web.Response:
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

    return Endpoint(method="GET", path=path, handler=get_file, summary=summary, tag="Pages")


def endpoints_for(settings: ApiSettings) -> list[Endpoint]:
    """The pages. Without page code of the site around them they call this backend directly."""
    framed_by, stripe = _framed_by(settings), sources_of(settings.stripe_js)
    return [
        *(
            _endpoint(path, _page(name, settings, framed_by), "Get a donation page")
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
        *(_endpoint(path, _module(name), "Get a module for browsers") for path, name in MODULES.items()),
    ]
