"""An endpoint is declared once: the server routes by it, and the OpenAPI document is written from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from hingecraft_api.answers import success
from hingecraft_api.bodies import body_of, query_of
from hingecraft_api.pod import POD, Pod

REQUEST_ID_KEY: web.RequestKey[str] = web.RequestKey("request_id", str)


class Limit(Enum):
    """Which rate limit a call falls under."""

    VISITOR = "visitor"
    ROUTES = "routes"
    NONE = "none"


class Guard(Enum):
    """What a call must carry to be let in."""

    NONE = "none"
    ADMIN = "admin"
    PUSH = "push"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, parsed."""

    request: web.Request
    pod: Pod
    body: Any = None
    query: Any = None

    @property
    def request_id(self) -> str:
        """The id that the answer and the logs carry."""
        return self.request[REQUEST_ID_KEY]


Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One call of the contract. A handler answers data for the envelope, or a whole response."""

    method: str
    path: str
    handler: Handler
    summary: str
    tag: str
    answer: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    refusals: tuple[int, ...] = ()
    limit: Limit = Limit.VISITOR
    guard: Guard = Guard.NONE

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Parse, call, and put what is answered into the envelope."""
        call = Call(
            request=request,
            pod=request.app[POD],
            body=await body_of(request, self.body) if self.body else None,
            query=query_of(request, self.query) if self.query else None,
        )
        answer = await self.handler(call)
        return answer if isinstance(answer, web.StreamResponse) else success(answer)
