"""The internal port: an engine says that there is a version, the pod takes it up and says what it serves now."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from hingecraft.identity.principal import Kind
from hingecraft_api.access.limits import Limit
from hingecraft_api.messages.bodies import Input
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

_LARGEST_VERSION = 2**63 - 1


class PushInput(Input):
    """What an engine says."""

    version: Annotated[int, Field(ge=1, le=_LARGEST_VERSION)]
    checksum: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


async def post_routes(call: Call) -> Any:
    """Reach that version and answer what is served; the engine compares."""
    push: PushInput = call.body
    version = await call.pod.loader.reach(push.version)
    current = call.pod.cache.current
    return {"version": version, "checksum": current.checksum if current else None}


ENDPOINTS = [
    Endpoint(
        method="POST",
        path="/internal/routes",
        handler=post_routes,
        summary="Start serving a version",
        tag="Internal",
        body=PushInput,
        errors=("unauthorized",),
        limit=Limit.NONE,
        access=(Kind.ENGINE,),
    )
]
