"""`GET /routes`: from memory, never from the database."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from aiohttp import web
from pydantic import AwareDatetime, Field

from hingecraft_api.answers import Answer, refusal
from hingecraft_api.call import Call
from hingecraft_api.endpoint import Endpoint, Limit
from hingecraft_api.negotiation import matches


class WalletAnswer(Answer):
    """A bare address; a payment to it waits until an admin confirms it."""

    address: str
    uri: Annotated[str, Field(description="what a wallet application opens, with the memo where it can carry one")]
    network: Annotated[str | None, Field(description="the only network to send on, for a coin that has several")] = None
    network_name: Annotated[str | None, Field(description="the network's name, for people")] = None
    memo: Annotated[str | None, Field(description="memo or destination tag that the payment must carry")] = None


class RouteAnswer(Answer):
    """How to pay in one currency."""

    currency: str
    name: str
    symbol: str
    kind: Annotated[str, Field(description="fiat or crypto")]
    provider: str
    available: bool
    url: Annotated[str | None, Field(description="the newest open link for many payers; null: ask `generate`")]
    amount: Annotated[float | None, Field(description="the link is for this amount only")] = None
    expires_at: AwareDatetime | None = None
    generate: str
    wallet: WalletAnswer | None
    updated_at: AwareDatetime


class RoutesAnswer(Answer):
    """One immutable version of all routes."""

    version: int
    checksum: Annotated[str, Field(description="SHA-256 over the text of `routes`, byte for byte")]
    generated_at: AwareDatetime
    restored_from: Annotated[int | None, Field(description="the version that a pin went back to")] = None
    routes: dict[str, RouteAnswer]


async def get_routes(call: Call) -> Any:
    """The prepared bytes of the current version."""
    cache = call.pod.cache
    snapshot = cache.current
    if snapshot is None:
        return refusal(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "not_ready",
            "No routes are loaded yet: try again in a second.",
            request_id=call.request_id,
            headers={"Retry-After": "1"},
        )
    asked = call.request.headers
    accept = asked.get("Accept-Encoding")
    variants = snapshot.variants
    variant = variants[call.pod.negotiation.choose(accept, variants) if accept else "identity"]
    headers = variant.headers.copy()
    headers["X-Routes-Age"] = str(int(cache.age))
    known = asked.get("If-None-Match")
    if known is not None and matches(known, variant.etag):
        headers.pop("Content-Encoding", None)
        del headers["Content-Type"]
        return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
    return web.Response(body=variant.body, headers=headers)


ENDPOINTS = [
    Endpoint(
        method=method,
        path="/routes",
        handler=get_routes,
        summary="How to pay in each currency",
        tag="Donations",
        answer=RoutesAnswer,
        refusals=(HTTPStatus.SERVICE_UNAVAILABLE,),
        limit=Limit.ROUTES,
    )
    for method in ("GET", "HEAD")
]
