"""How an admin's call is declared."""

from __future__ import annotations

from typing import Any

from hingecraft.identity.principal import Kind
from hingecraft_api.access.limits import Limit
from hingecraft_api.messages.answers import Answer
from hingecraft_api.web.endpoint import Endpoint


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
