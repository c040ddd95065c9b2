"""Calls of the owner's dashboard: how they are declared, and who makes them."""

from __future__ import annotations

from typing import Any

from hingecraft.identity.principal import Actor, Kind
from hingecraft_api.messages.answers import Answer
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

_TAG = "Wix dashboard"


def owners(method: str, path: str, handler: Any, summary: str, answer: type[Answer] | None, **more: Any) -> Endpoint:
    """An endpoint that only a site of `WIX_OWNER_INSTANCES` may call."""
    errors = ("database_unavailable", *more.pop("errors", ()))
    return Endpoint(
        method=method,
        path=f"/api/v1/wix/{path}",
        handler=handler,
        summary=summary,
        tag=_TAG,
        answer=answer,
        errors=errors,
        access=(Kind.WIX_OWNER,),
        **more,
    )


def actor_of(call: Call) -> Actor:
    """The site, in the audit log."""
    return Actor(name=call.principal.actor, request_id=call.request_id)
