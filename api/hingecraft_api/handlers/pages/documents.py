"""`/openapi.json` and `/docs`, written when somebody first asks for them, so that a pod starts without the work."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable, Mapping, Sequence
from functools import cache

from aiohttp import web

from hingecraft_api.messages.answers import written
from hingecraft_api.messages.negotiation import IDENTITY
from hingecraft_api.reference.guide import Rates
from hingecraft_api.reference.openapi import document_of
from hingecraft_api.reference.page import page_of
from hingecraft_api.reference.style import CONTENT_SECURITY_POLICY
from hingecraft_api.settings import ApiSettings
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

_AS_JSON = {"Content-Type": "application/json"}
_AS_PAGE = {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": CONTENT_SECURITY_POLICY}


def endpoints_for(described: Sequence[Endpoint], settings: ApiSettings) -> list[Endpoint]:
    """The two pages that describe those endpoints, with the limits of this pod."""
    rates = Rates(settings.rate_limit, settings.rate_limit_routes, settings.rate_limit_site)

    @cache
    def as_json() -> Mapping[str, bytes]:
        return _encoded(written(document_of(described, rates)))

    @cache
    def as_page() -> Mapping[str, bytes]:
        return _encoded(page_of(document_of(described, rates)))

    return [
        _endpoint("/openapi.json", "This document", as_json, _AS_JSON),
        _endpoint("/docs", "This document for people", as_page, _AS_PAGE),
    ]


def _encoded(text: str) -> Mapping[str, bytes]:
    body = text.encode()
    return {IDENTITY: body, "gzip": gzip.compress(body, mtime=0)}


def _endpoint(
    path: str, summary: str, bodies_of: Callable[[], Mapping[str, bytes]], kind: Mapping[str, str]
) -> Endpoint:
    shared = {**kind, "Cache-Control": "public, max-age=300", "Vary": "Accept-Encoding, Origin"}

    async def get_document(call: Call) -> web.Response:
        # In a thread: the first time takes a tenth of a second.
        bodies = await asyncio.to_thread(bodies_of)
        encoding = call.pod.negotiation.choose(call.request.headers.get("Accept-Encoding", ""), bodies)
        encoded = {"Content-Encoding": encoding} if encoding != IDENTITY else {}
        return web.Response(body=bodies[encoding], headers={**shared, **encoded})

    return Endpoint(method="GET", path=path, handler=get_document, summary=summary, tag="Operations")
