"""Shared by the admin calls."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic.alias_generators import to_camel

from hingecraft.identity.principal import Kind
from hingecraft.routes.model import timestamp
from hingecraft_api.access.limits import Limit
from hingecraft_api.messages.answers import Answer, number
from hingecraft_api.messages.bodies import Input
from hingecraft_api.messages.described import described
from hingecraft_api.messages.sentences import Shape
from hingecraft_api.web.endpoint import Endpoint

LARGEST_PAGE = 200
USUAL_PAGE = 50
NOT_A_CURSOR = "must be the nextCursor of the previous page"


class PageQuery(Input):
    """Keyset pagination over numbers."""

    cursor: Annotated[
        Annotated[str, Shape("^[0-9]{1,18}$", NOT_A_CURSOR)] | None,
        described("`nextCursor` of the previous page; leave it out for the first page"),
    ] = None
    limit: Annotated[int, described("how many items", USUAL_PAGE, ge=1, le=LARGEST_PAGE, strict=False)] = USUAL_PAGE


def as_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row as JSON: names in camelCase, amounts as numbers, everything else as text where JSON has no word for it."""
    return {to_camel(name): _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return timestamp(value)
    if isinstance(value, Decimal):
        return number(value) if value.is_finite() else None
    return str(value) if isinstance(value, UUID) else value


def admin(method: str, path: str, handler: Any, summary: str, answer: type[Answer], **more: Any) -> Endpoint:
    """An endpoint that only an admin may call."""
    errors = ("database_unavailable", *more.pop("errors", ()))
    return Endpoint(
        method=method,
        path=path,
        handler=handler,
        summary=summary,
        tag="Admin",
        answer=answer,
        errors=errors,
        limit=Limit.NONE,
        access=(Kind.ADMIN,),
        **more,
    )
