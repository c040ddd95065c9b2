"""`/openapi.json` and `/docs`, written once when the pod starts."""

from __future__ import annotations

import gzip
from collections.abc import Mapping

from aiohttp import web

from hingecraft_api.call import Call
from hingecraft_api.endpoint import Endpoint
from hingecraft_api.reference.guide import Rates
from hingecraft_api.reference.openapi import document_of, written
from hingecraft_api.reference.page import page_of
from hingecraft_api.reference.style import CONTENT_SECURITY_POLICY
from hingecraft_api.routes_cache import IDENTITY
from hingecraft_api.settings import ApiSettings


def endpoints_for(described: list[Endpoint], settings: ApiSettings) -> list[Endpoint]:
    """The two pages that describe those endpoints, with the limits of this pod."""
    rates = Rates(settings.rate_limit, settings.rate_limit_routes, settings.rate_limit_site)
    document = document_of(described, rates)
    return [
        _endpoint("/openapi.json", "This document", written(document), {"Content-Type": "application/json"}),
        _endpoint(
            "/docs",
            "This document for people",
            page_of(document),
            {"Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": CONTENT_SECURITY_POLICY},
        ),
    ]


def _endpoint(path: str, summary: str, text: str, headers: Mapping[str, str]) -> Endpoint:
    body = text.encode()
    bodies = {IDENTITY: body, "gzip": gzip.compress(body, mtime=0)}
    shared = {**headers, "Cache-Control": "public, max-age=300", "Vary": "Accept-Encoding, Origin"}

    async def get_document(call: Call) -> web.Response:
        encoding = call.pod.negotiation.choose(call.request.headers.get("Accept-Encoding", ""), bodies)
        encoded = {"Content-Encoding": encoding} if encoding != IDENTITY else {}
        return web.Response(body=bodies[encoding], headers={**shared, **encoded})

    return Endpoint(method="GET", path=path, handler=get_document, summary=summary, tag="Operations")
