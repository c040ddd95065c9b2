"""`GET /routes`: from memory, never from the database."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Annotated, Any

from aiohttp import web
from pydantic import AwareDatetime

from hingecraft.errors import DatabaseUnavailableError, InvalidError
from hingecraft.money.model import Kind as CurrencyKind
from hingecraft_api.access.limits import Limit
from hingecraft_api.messages.answers import Answer, error_answer
from hingecraft_api.messages.described import ADDRESS, CHECKSUM, MOMENT, VERSION, described
from hingecraft_api.messages.wallets import Address, Memo, Network, NetworkName
from hingecraft_api.routes.answer import chosen, headers_of
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

AT_LEAST = "X-Routes-At-Least"
LARGEST_VERSION = 2**62
# An answer comes within a second.
_PULLED_WITHIN = 0.8


class WalletAnswer(Answer):
    """An address to send coins to. A payment to it waits until an admin confirms it."""

    address: Address
    uri: Annotated[
        str, described("opens a wallet application, with the memo where the format allows one", f"bitcoin:{ADDRESS}")
    ]
    network: Network = None
    network_name: NetworkName = None
    memo: Memo = None


class RouteAnswer(Answer):
    """How to pay in one currency."""

    currency: Annotated[str, described("the currency's code", "EUR")]
    name: Annotated[str, described("for people", "Euro")]
    symbol: Annotated[str, described("for people", "€")]
    kind: Annotated[CurrencyKind, described("money or a coin", "fiat")]
    provider: Annotated[
        str,
        described(
            "who takes the money: `stripe`, `nowpayments`, `wallet`, or the name of a link saved by hand", "stripe"
        ),
    ]
    available: Annotated[bool, described("`false`: nothing can be paid in this currency now", example=True)]
    url: Annotated[
        str | None,
        described("a link that many people can use; null: call `generate`", "https://buy.stripe.com/test_a1B2c3D4"),
    ]
    amount: Annotated[float | None, described("present: `url` is for this amount only")] = None
    expires_at: Annotated[AwareDatetime | None, described("after this `url` no longer works")] = None
    generate: Annotated[
        str, described("the path to POST to for a link of the donor's own", "/charter/generate-payment")
    ]
    wallet: Annotated[WalletAnswer | None, described("the wallet of a coin; null for money")]
    updated_at: Annotated[AwareDatetime, described("when this route last changed", MOMENT)]


class RoutesAnswer(Answer):
    """One immutable version of all routes."""

    version: Annotated[int, described("grows with every change", VERSION)]
    checksum: Annotated[str, described("SHA-256 of the text of `routes`, byte for byte", CHECKSUM)]
    generated_at: Annotated[AwareDatetime, described("when this version was made", MOMENT)]
    restored_from: Annotated[int | None, described("the version that an admin went back to")] = None
    routes: Annotated[dict[str, RouteAnswer], described("one route for each accepted currency, by its code")]


async def get_routes(call: Call) -> Any:
    """The prepared bytes of the current version."""
    cache = call.pod.cache
    at_least = call.request.headers.get(AT_LEAST)
    if at_least is not None and not await _reaches(call, _version(at_least)):
        return error_answer(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "not_yet",
            f"This server has version {cache.version} and could not get version {at_least}. Try again in a second.",
            request_id=call.request_id,
            headers={"Retry-After": "1"},
        )
    snapshot = cache.current
    if snapshot is None:
        return error_answer(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "not_ready",
            "No routes are loaded yet. Try again in a second.",
            request_id=call.request_id,
            headers={"Retry-After": "1"},
        )
    asked = call.request.headers
    variant, status = chosen(snapshot, call.pod.negotiation, asked.get("Accept-Encoding"), asked.get("If-None-Match"))
    headers = headers_of(variant, status, str(int(cache.age)))
    if status == HTTPStatus.NOT_MODIFIED:
        return web.Response(status=status, headers=headers)
    return web.Response(body=variant.body, headers=headers)


def _version(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text[:20]) <= LARGEST_VERSION:
        raise InvalidError(
            "invalid_request",
            f"{AT_LEAST} must be a version: a whole number such as {VERSION}.",
            fields={AT_LEAST: "must be a whole number of at least 1"},
        )
    return int(text)


async def _reaches(call: Call, version: int) -> bool:
    """Serve that version or a newer one, taking it from the database where this pod has an older one."""
    if call.pod.cache.version >= version:
        return True
    try:
        async with asyncio.timeout(_PULLED_WITHIN):
            return await call.pod.loader.reach(version) >= version
    except (TimeoutError, DatabaseUnavailableError):
        return False


_DESCRIPTION = (
    "Every accepted currency with its payment link, from memory. Pages poll this call: send the `ETag` of your last "
    "answer as `If-None-Match` and you get 304 without a body while nothing has changed. Answers are compressed with "
    "br, zstd or gzip.\n\n"
    "If you know the version that has your change, send it as `X-Routes-At-Least`: you get that version or a newer "
    "one, also from a server that has not heard of the change. If the server can't get it within a second, you get 503 "
    "`not_yet`."
)
_IF_NONE_MATCH = {"type": "string", "description": "the `ETag` of your last answer", "examples": [f'"{CHECKSUM}"']}
_AT_LEAST_HEADER = {
    "type": "integer",
    "minimum": 1,
    "description": "answer with this version or a newer one",
    "examples": [VERSION],
}
_ANSWER_HEADERS = {
    "ETag": {"type": "string", "description": "names this version in this encoding", "examples": [f'"{CHECKSUM}"']},
    "Cache-Control": {"type": "string", "description": "caches may keep it", "examples": ["public, max-age=1"]},
    "X-Routes-Version": {"type": "string", "description": "the same as `version`", "examples": [str(VERSION)]},
    "X-Routes-Age": {
        "type": "string",
        "description": "seconds since this server last knew that its version was the newest",
        "examples": ["0"],
    },
}

ENDPOINTS = [
    Endpoint(
        method=method,
        path="/routes",
        handler=get_routes,
        summary=summary,
        tag="Donations",
        description=description,
        answer=RoutesAnswer,
        headers={"If-None-Match": _IF_NONE_MATCH, AT_LEAST: _AT_LEAST_HEADER},
        answer_headers=_ANSWER_HEADERS,
        errors=("not_ready", "not_yet", "invalid_request"),
        limit=Limit.ROUTES,
    )
    for method, summary, description in (
        ("GET", "Get how to pay in each currency", _DESCRIPTION),
        ("HEAD", "Check whether the routes have changed", "The status and headers of GET, without the body."),
    )
]
