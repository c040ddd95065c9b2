"""The owner's dashboard of the Wix app: the files that `wix/dashboard` is built to, each in every encoding."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path

from aiohttp import web

from hingecraft_api.handlers.pages.folders import folder_of
from hingecraft_api.messages.answers import SECURITY_HEADERS
from hingecraft_api.messages.negotiation import IDENTITY, matches
from hingecraft_api.settings import ApiSettings
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint, Handler

PATH = "/wix-dashboard"
_PAGE = "index.html"
# Wix frames dashboards from these hosts only; its editors are elsewhere.
_WIX = ("https://manage.wix.com", "https://*.manage.wix.com")
_SUFFIXES = {"br": ".br", "gzip": ".gz"}
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
_NOT_BUILT = """The dashboard is not built yet.

make dev builds it when its page at the stand-in for Wix is opened, which takes about two minutes the first time.
Otherwise run `make dashboard`. This page asks again by itself.
"""
# Seconds.
_ASK_AGAIN = 3
# Of a file in the folder itself, without what is only there to be compressed.
_NAME = re.compile(r"[\w-]+[.][a-z0-9]+", re.ASCII)
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
    """The page, the script that recovers it and the licences, asked for again each time; files named by content.

    Each is looked up when it is asked for, since `make dev` builds the dashboard while pods run.
    """
    folder = dashboard_folder()
    policy = policy_of(("'self'", *_WIX, *settings.wix_dashboard_origins))

    async def get_page(call: Call) -> web.Response:
        framed = {"Cache-Control": "no-cache", "Content-Security-Policy": policy}
        try:
            return await _answer(call, folder / _PAGE, framed)
        except web.HTTPNotFound:
            return _not_built(framed)

    async def get_asset(call: Call) -> web.Response:
        name = call.request.match_info["name"]
        if not _NAME.fullmatch(name):
            raise web.HTTPNotFound
        return await _answer(call, folder / "assets" / name, {"Cache-Control": _FOREVER})

    def fixed(name: str) -> Handler:
        return lambda call: _answer(call, folder / name, {"Cache-Control": "no-cache"})

    return [
        _endpoint(PATH, get_page),
        _endpoint(f"{PATH}/recover.js", fixed("recover.js")),
        _endpoint(f"{PATH}/licenses.txt", fixed("licenses.txt")),
        _endpoint(f"{PATH}/assets/{{name}}", get_asset),
        _endpoint("/wix-panel/editor.js", fixed("panel-editor.js")),
    ]


def _endpoint(path: str, handler: Handler) -> Endpoint:
    return Endpoint(method="GET", path=path, handler=handler, summary="Get the Wix app's dashboard", tag="Pages")


def _not_built(framed: Mapping[str, str]) -> web.Response:
    headers = {**_shared(framed), "Refresh": str(_ASK_AGAIN)}
    return web.Response(text=_NOT_BUILT, status=HTTPStatus.SERVICE_UNAVAILABLE, headers=headers)


def _shared(more: Mapping[str, str]) -> dict[str, str]:
    """Without the header that forbids every frame; the policy says which may show the page."""
    return {name: value for name, value in SECURITY_HEADERS.items() if name != "X-Frame-Options"} | dict(more)


@lru_cache(maxsize=200)
def _read(file: Path, _changed_at: int) -> bytes:
    """Most pods of an installation are never asked for most files, so none is read before."""
    return file.read_bytes()


def _encodings(file: Path) -> dict[str, Path]:
    """The file in each encoding; empty if it does not exist."""
    if file.suffix not in _TYPES or not file.is_file():
        return {}
    others = {name: file.with_name(file.name + suffix) for name, suffix in _SUFFIXES.items()}
    return {IDENTITY: file} | {name: each for name, each in others.items() if each.is_file()}


def _content(file: Path) -> bytes:
    return _read(file, file.stat().st_mtime_ns)


async def _answer(call: Call, file: Path, more: Mapping[str, str]) -> web.Response:
    """Raises HTTPNotFound for a file that this release does not have."""
    encodings = await asyncio.to_thread(_encodings, file)
    if not encodings:
        raise web.HTTPNotFound
    asked = call.request.headers
    encoding = call.pod.negotiation.choose(asked.get("Accept-Encoding", ""), encodings)
    body = await asyncio.to_thread(_content, encodings[encoding])
    headers = _shared({"Content-Type": _TYPES[file.suffix], "Vary": "Accept-Encoding, Origin", **more})
    headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    known = asked.get("If-None-Match")
    if known is not None and matches(known, headers["ETag"]):
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    if encoding != IDENTITY:
        headers["Content-Encoding"] = encoding
    return web.Response(body=body, headers=headers)
