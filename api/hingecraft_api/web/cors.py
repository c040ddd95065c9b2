"""CORS for the site's origins, and for the calls that pages of any origin may make, derived from the endpoints."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hingecraft.observability.traces import HEADERS as TRACE_HEADERS
from hingecraft_api.access.credentials import CREDENTIALS
from hingecraft_api.messages.answers import REQUEST_ID
from hingecraft_api.web.endpoint import Endpoint
from hingecraft_api.web.idempotent import HEADER, REPLAYED

_SECONDS_KEPT = "7200"


def preflight_headers(endpoints: Iterable[Endpoint]) -> Mapping[str, str]:
    """The answer to a browser that asks what it may send. Endpoints for providers are not called from browsers."""
    called = [endpoint for endpoint in endpoints if endpoint.raw_body is None]
    methods = {endpoint.method for endpoint in called}
    return {
        "Access-Control-Allow-Methods": _listed({*methods, "OPTIONS"}),
        "Access-Control-Allow-Headers": _listed(
            {REQUEST_ID, *TRACE_HEADERS, *(name for each in called for name in _sent_to(each))}
        ),
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Max-Age": _SECONDS_KEPT,
    }


def preflight_of_any_origin(headers: Mapping[str, str]) -> Mapping[str, str]:
    """The headers of a call that any page may make: any origin, without credentials."""
    without = {name: value for name, value in headers.items() if name != "Access-Control-Allow-Credentials"}
    return {**without, "Access-Control-Allow-Origin": "*"}


def exposed_headers(endpoints: Iterable[Endpoint]) -> str:
    """The headers of an answer that a page may read."""
    declared = {name for endpoint in endpoints for name in endpoint.answer_headers}
    return _listed({REQUEST_ID, REPLAYED, "Retry-After", *declared})


def _sent_to(endpoint: Endpoint) -> Iterable[str]:
    yield from endpoint.headers
    if endpoint.body is not None:
        yield "Content-Type"
    if endpoint.idempotent:
        yield HEADER
    for kind in endpoint.access:
        yield from CREDENTIALS[kind].headers


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
