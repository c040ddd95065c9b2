"""The internal port: an engine pushes a version; the pod serves it and answers with the version it serves now."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from hingecraft.identity.principal import Kind
from hingecraft.sync.push import TAKES_DOCUMENTS, unpacked
from hingecraft_api.access.limits import Limit
from hingecraft_api.messages.bodies import Input
from hingecraft_api.web.call import Call
from hingecraft_api.web.endpoint import Endpoint

_LARGEST_VERSION = 2**63 - 1


class PushInput(Input):
    """A newer engine may send more: what this pod does not know, it ignores."""

    model_config = ConfigDict(extra="ignore")

    version: Annotated[int, Field(ge=1, le=_LARGEST_VERSION)]
    checksum: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    document: Any = None


async def post_routes(call: Call) -> Any:
    """Serve the pushed version, and answer with the version that is served now; the engine compares them.

    Requests that have arrived meanwhile are answered between unpacking and swapping, so that none waits for both.
    """
    push: PushInput = call.body
    document = unpacked(push.version, push.checksum, push.document)
    await asyncio.sleep(0)
    if document is not None:
        call.pod.loader.take(document)
    version = await call.pod.loader.reach(push.version)
    current = call.pod.cache.current
    return {"version": version, "checksum": current.checksum if current else None, TAKES_DOCUMENTS: True}


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
