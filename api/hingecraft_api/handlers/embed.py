"""`/embed/...`: the site's two HTML components as pages of their own, and for sites that embed them by address."""

from __future__ import annotations

import base64
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

from hingecraft_api.messages.answers import SECURITY_HEADERS
from hingecraft_api.messages.negotiation import IDENTITY, matches
from hingecraft_api.settings import ApiSettings
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

PAGES: Mapping[str, str] = {
    "/embed/charter": "charter-page-wix-ready.html",
    "/embed/mission-support": "mission-support.html",
}
# Wix shows a site in its editor and its preview from hosts of its own.
_WIX = ("https://manage.wix.com", "https://*.wix.com", "https://*.wixstudio.com")
_INLINE = re.compile(r"<(script|style)>(.*?)</\1>", re.DOTALL)
_TOLD = '<meta name="hingecraft-{name}" content="{value}" />'


@dataclass(frozen=True, slots=True)
class _Page:
    """One page, ready to be sent in each encoding."""

    bodies: Mapping[str, bytes]
    etag: str
    policy: str


def pages_folder() -> Path:
    """Inside the wheel beside the handlers, in a checkout where the site's code is."""
    packaged = Path(__file__).parents[1] / "_embedded"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "wix/html"


def _policy(page: str, framed_by: Sequence[str]) -> str:
    """The Content-Security-Policy: the page's own code runs, calls us, and may be framed by the named sites."""
    hashes = {
        kind: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for kind, text in _INLINE.findall(page)
    }
    return (
        f"default-src 'none'; script-src 'sha256-{hashes['script']}'; style-src 'sha256-{hashes['style']}'; "
        f"img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        f"frame-ancestors 'self' {' '.join(framed_by)}"
    )


def _framed_by(settings: ApiSettings) -> tuple[str, ...]:
    parts = urlsplit(settings.site_url)
    return (f"{parts.scheme}://{parts.netloc}", *_WIX, *settings.embed_origins)


def _prepared(file: str, settings: ApiSettings) -> _Page:
    page = (pages_folder() / file).read_text(encoding="utf-8")
    for name, value in (("site", settings.site_url), ("backend", "/")):
        page = page.replace(_TOLD.format(name=name, value=""), _TOLD.format(name=name, value=escape(value)))
    body = page.encode()
    # Brotli's encoder would leave four megabytes behind, for two kilobytes less on the way.
    bodies = {IDENTITY: body, "gzip": gzip.compress(body, mtime=0)}
    return _Page(bodies, hashlib.sha256(body).hexdigest()[:32], _policy(page, _framed_by(settings)))


def _endpoint(path: str, page: _Page) -> Endpoint:
    async def get_page(call: Call) -> web.Response:
        asked = call.request.headers
        encoding = call.pod.negotiation.choose(asked.get("Accept-Encoding", ""), page.bodies)
        headers = {name: value for name, value in SECURITY_HEADERS.items() if name != "X-Frame-Options"}
        headers |= {
            "Content-Security-Policy": page.policy,
            "Cache-Control": "public, max-age=60",
            "ETag": f'"{page.etag}-{encoding}"',
            "Vary": "Accept-Encoding, Origin",
        }
        known = asked.get("If-None-Match")
        if known is not None and matches(known, headers["ETag"]):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        if encoding != IDENTITY:
            headers["Content-Encoding"] = encoding
        return web.Response(body=page.bodies[encoding], content_type="text/html", charset="utf-8", headers=headers)

    return Endpoint(method="GET", path=path, handler=get_page, summary="Get a donation page", tag="Pages")


def endpoints_for(settings: ApiSettings) -> list[Endpoint]:
    """The pages. Without page code of the site around them they call this backend directly."""
    return [_endpoint(path, _prepared(file, settings)) for path, file in PAGES.items()]
