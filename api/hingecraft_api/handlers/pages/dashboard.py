"""The owner's dashboard of the Wix app: the files that `wix/dashboard` is built to, each in every encoding."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from functools import cache
from http import HTTPStatus
from pathlib import Path

from aiohttp import web

from hingecraft_api.handlers.pages.folders import folder_of
from hingecraft_api.messages.answers import SECURITY_HEADERS
from hingecraft_api.messages.negotiation import IDENTITY, matches
from hingecraft_api.settings import ApiSettings
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

PATH = "/wix-dashboard"
_PAGE = "index.html"
# Wix frames dashboards from these hosts only; its editors are elsewhere.
_WIX = ("https://manage.wix.com", "https://*.manage.wix.com")
_SUFFIXES = {"br": ".br", "gzip": ".gz"}
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".woff2": "font/woff2",
}
_NOT_BUILT = "The dashboard is not built: run `make dashboard`, and start the pods again.\n"
_FOREVER = "public, max-age=31536000, immutable"


def dashboard_folder() -> Path:
    """The files of the built dashboard."""
    return folder_of("_dashboard", "wix/dashboard/built")


def policy_of(framed_by: Sequence[str]) -> str:
    """Only the dashboard's own files, and calls to this backend."""
    directives = {
        "default-src": ("'none'",),
        "script-src": ("'self'",),
        "style-src": ("'self'",),
        "font-src": ("'self'",),
        "img-src": ("'self'", "data:"),
        "connect-src": ("'self'",),
        "base-uri": ("'none'",),
        "form-action": ("'none'",),
        "frame-ancestors": framed_by,
    }
    return "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items())


def endpoints_for(settings: ApiSettings) -> list[Endpoint]:
    """The page, which browsers ask for again each time, and its files, whose names change with what is in them."""
    folder = dashboard_folder()
    if not (folder / _PAGE).exists():
        return [_not_built()]
    policy = policy_of(("'self'", *_WIX, *settings.wix_dashboard_origins))
    page = _endpoint(PATH, folder / _PAGE, {"Cache-Control": "no-cache", "Content-Security-Policy": policy})
    files = sorted(file for file in (folder / "assets").iterdir() if file.suffix in _TYPES)
    editor = _endpoint("/wix-panel/editor.js", folder / "panel-editor.js", {"Cache-Control": "no-cache"})
    assets = (_endpoint(f"{PATH}/assets/{file.name}", file, {"Cache-Control": _FOREVER}) for file in files)
    return [page, editor, *assets]


def _not_built() -> Endpoint:
    async def get_page(_call: Call) -> web.Response:
        return web.Response(text=_NOT_BUILT, status=HTTPStatus.SERVICE_UNAVAILABLE, headers=SECURITY_HEADERS)

    return Endpoint(method="GET", path=PATH, handler=get_page, summary="Get the Wix app's dashboard", tag="Pages")


@cache
def _read(file: Path) -> bytes:
    """Most pods of an installation are never asked for most files, so none is read before."""
    return file.read_bytes()


def _endpoint(path: str, file: Path, more: dict[str, str]) -> Endpoint:
    encodings = {name: file.with_name(file.name + suffix) for name, suffix in _SUFFIXES.items()}
    encodings = {IDENTITY: file} | {name: each for name, each in encodings.items() if each.exists()}
    shared = {name: value for name, value in SECURITY_HEADERS.items() if name != "X-Frame-Options"}
    shared |= {"Content-Type": _TYPES[file.suffix], "Vary": "Accept-Encoding, Origin", **more}

    async def get_file(call: Call) -> web.Response:
        asked = call.request.headers
        encoding = call.pod.negotiation.choose(asked.get("Accept-Encoding", ""), encodings)
        body = await asyncio.to_thread(_read, encodings[encoding])
        headers = {**shared, "ETag": f'"{hashlib.sha256(body).hexdigest()[:32]}"'}
        known = asked.get("If-None-Match")
        if known is not None and matches(known, headers["ETag"]):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        if encoding != IDENTITY:
            headers["Content-Encoding"] = encoding
        return web.Response(body=body, headers=headers)

    return Endpoint(method="GET", path=path, handler=get_file, summary="Get the Wix app's dashboard", tag="Pages")
