"""The answer to `GET /routes`, for the handler and for the lane in front of aiohttp."""

from __future__ import annotations

from http import HTTPStatus

from multidict import CIMultiDict

from hingecraft_api.messages.negotiation import IDENTITY, Negotiation, matches
from hingecraft_api.routes.cache import Snapshot, Variant

_OK, _NOT_MODIFIED = HTTPStatus.OK.value, HTTPStatus.NOT_MODIFIED.value


def chosen(
    snapshot: Snapshot, negotiation: Negotiation, accept_encoding: str | None, if_none_match: str | None
) -> tuple[Variant, int]:
    """The encoding to answer with, and 304 where the client already has it."""
    variants = snapshot.variants
    variant = variants[negotiation.choose(accept_encoding, variants) if accept_encoding else IDENTITY]
    known = if_none_match is not None and matches(if_none_match, variant.etag)
    return variant, _NOT_MODIFIED if known else _OK


def headers_of(variant: Variant, status: int, age: str) -> CIMultiDict[str]:
    """The headers of its own; `age` is in seconds."""
    headers = variant.headers.copy()
    headers["X-Routes-Age"] = age
    if status == _NOT_MODIFIED:
        headers.pop("Content-Encoding", None)
        del headers["Content-Type"]
    return headers
