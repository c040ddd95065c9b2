"""The envelope: every answer says whether it succeeded, and an error says in one sentence what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from typing import Any

import simplejson
from aiohttp import web
from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from hingecraft.errors import ErrorCode
from hingecraft.money.model import Currency, plain

REQUEST_ID = "X-Request-ID"

SECURITY_HEADERS: Mapping[str, str] = {
    "Server": "hingecraft",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Strict-Transport-Security": "max-age=31536000",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


class Answer(BaseModel):
    """The base of all answers: camelCase in JSON."""

    model_config = ConfigDict(alias_generator=to_camel, serialize_by_alias=True)


# `simplejson.dumps` would make one for each answer.
_ENCODER = simplejson.JSONEncoder(separators=(",", ":"), ensure_ascii=False, use_decimal=True)


def written(document: Any) -> str:
    """JSON in which a decimal is the number that it is, never a float."""
    return _ENCODER.encode(document)


def number(amount: Decimal) -> Decimal:
    """An amount in plain notation: 37.5 and not 37.50, 100 and not 1E+2."""
    return Decimal(plain(amount))


def quantity(currency: Currency | None, amount: Decimal) -> Decimal | str:
    """Money is a number; a quantity of coins is text, which nobody's arithmetic rounds."""
    return plain(amount) if currency is not None and currency.kind == "crypto" else number(amount)


@dataclass(frozen=True, slots=True)
class WithStatus:
    """Data that is answered with another status than the endpoint's."""

    data: Any
    status: int


def success(data: Any, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> web.Response:
    """A successful answer. The status of a `WithStatus` replaces `status`."""
    if isinstance(data, WithStatus):
        data, status = data.data, data.status
    body = written({"success": True, "data": data}).encode()
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)


def error_answer(
    status: int,
    code: ErrorCode,
    sentence: str,
    *,
    request_id: str,
    fields: Mapping[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> web.Response:
    """An error, for people and for programs; `more` has the fields of this code."""
    document: dict[str, Any] = {"success": False, "error": sentence, "code": code, "requestId": request_id}
    if fields:
        document["fields"] = dict(fields)
    document |= more or {}
    body = written(document).encode()
    return web.Response(body=body, status=status, content_type="application/json", headers=headers)
