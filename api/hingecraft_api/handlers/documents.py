"""`/openapi.json` and `/docs`, written once when the pod starts."""

from __future__ import annotations

from aiohttp import web

from hingecraft_api import docs_page
from hingecraft_api.call import Call
from hingecraft_api.endpoint import Endpoint
from hingecraft_api.openapi import document_of, written


def endpoints_for(described: list[Endpoint]) -> list[Endpoint]:
    """The two pages that describe those endpoints."""
    document = document_of(described)
    as_json = written(document).encode()
    as_page = docs_page.page_of(document).encode()

    async def get_openapi(_call: Call) -> web.Response:
        headers = {"Cache-Control": "public, max-age=300"}
        return web.Response(body=as_json, content_type="application/json", headers=headers)

    async def get_docs(_call: Call) -> web.Response:
        headers = {
            "Cache-Control": "public, max-age=300",
            "Content-Security-Policy": docs_page.CONTENT_SECURITY_POLICY,
        }
        return web.Response(body=as_page, content_type="text/html", charset="utf-8", headers=headers)

    return [
        Endpoint(method="GET", path="/openapi.json", handler=get_openapi, summary="This document", tag="Operations"),
        Endpoint(method="GET", path="/docs", handler=get_docs, summary="This document for people", tag="Operations"),
    ]
