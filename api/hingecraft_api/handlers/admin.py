"""What an admin's calls share."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from pydantic import Field

from hingecraft_api.answers import Answer
from hingecraft_api.bodies import Input
from hingecraft_api.endpoint import Endpoint, Guard, Limit

LARGEST_PAGE = 200
USUAL_PAGE = 50
_COMMON = (HTTPStatus.UNAUTHORIZED, HTTPStatus.SERVICE_UNAVAILABLE)


class PageQuery(Input):
    """Keyset pagination over numbers."""

    cursor: Annotated[str | None, Field(pattern="^[0-9]{1,18}$", description="nextCursor of the page before")] = None
    limit: Annotated[int, Field(ge=1, le=LARGEST_PAGE, strict=False)] = USUAL_PAGE


def admin(method: str, path: str, handler: Any, summary: str, answer: type[Answer], **more: Any) -> Endpoint:
    """An endpoint that only an admin may call."""
    refusals = (*_COMMON, *more.pop("refusals", ()))
    return Endpoint(
        method=method,
        path=path,
        handler=handler,
        summary=summary,
        tag="Admin",
        answer=answer,
        refusals=refusals,
        limit=Limit.NONE,
        guard=Guard.ADMIN,
        **more,
    )
