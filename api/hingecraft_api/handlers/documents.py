"""`/openapi.json` and `/docs`, written once when the pod starts."""

from __future__ import annotations

from aiohttp import web

from hingecraft_api.call import Call
from hingecraft_api.endpoint import Endpoint
from hingecraft_api.reference.guide import Rates
from hingecraft_api.reference.openapi import document_of, written
from hingecraft_api.reference.page import page_of
from hingecraft_api.reference.style import CONTENT_SECURITY_POLICY
from hingecraft_api.settings import ApiSettings


def endpoints_for(described: list[Endpoint], settings: ApiSettings) -> list[Endpoint]:
    """The two pages that describe those endpoints, with the limits of this pod."""
    rates = Rates(settings.rate_limit, settings.rate_limit_routes, settings.rate_limit_site)
    document = document_of(described, rates)
    as_json = written(document).encode()
    as_page = page_of(document).encode()

    async def get_openapi(_call: Call) -> web.Response:
        headers = {"Cache-Control": "public, max-age=300"}
        return web.Response(body=as_json, content_type="application/json", headers=headers)

    async def get_docs(_call: Call) -> web.Response:
        headers = {
            "Cache-Control": "public, max-age=300",
            "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        }
        return web.Response(body=as_page, content_type="text/html", charset="utf-8", headers=headers)

    return [
        Endpoint(method="GET", path="/openapi.json", handler=get_openapi, summary="This document", tag="Operations"),
        Endpoint(method="GET", path="/docs", handler=get_docs, summary="This document for people", tag="Operations"),
    ]
