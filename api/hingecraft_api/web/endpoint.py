"""An endpoint is declared once: the server routes by it, and the OpenAPI document is written from it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aiohttp import web
from pydantic import BaseModel

from hingecraft.errors import ErrorCode
from hingecraft.identity.principal import Kind
from hingecraft.providers.patience import Deadline
from hingecraft_api.access.limits import Limit
from hingecraft_api.messages.answers import success
from hingecraft_api.messages.bodies import body_of, query_of
from hingecraft_api.pod import POD
from hingecraft_api.web import idempotent
from hingecraft_api.web.call import Call
from hingecraft_api.web.streams import Stream

# The longest time that a caller waits, in every case.
ANSWERED_WITHIN = 10.0


_VISITORS_ONLY = (Kind.VISITOR,)

Handler = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One call of the contract. A handler answers data for the envelope, a whole response, or a `Stream`."""

    method: str
    path: str
    handler: Handler
    summary: str
    tag: str
    # Markdown: what the call does and what a client needs to know.
    description: str = ""
    answer: type[BaseModel] | None = None
    # The status of a success, such as 201 for a call that creates something.
    status: int = HTTPStatus.OK
    # The type of an answer that is neither JSON nor empty.
    media: str | None = None
    # Further statuses that are not errors, and what each means.
    other_statuses: Mapping[int, str] = field(default_factory=dict)
    # Whether the answer may also be 202: it is decided, and what follows takes longer.
    may_take_longer: bool = False
    # Whether the answer may also be 200: what would be created exists already.
    may_exist: bool = False
    body: type[BaseModel] | None = None
    # Whether the body may be left out, which means the same as an empty object.
    body_optional: bool = False
    query: type[BaseModel] | None = None
    # The codes of its own errors; those that follow from the other fields are added (`reference.codes`).
    errors: tuple[ErrorCode, ...] = ()
    limit: Limit = Limit.VISITOR
    # Who may call; of several kinds, the first that the call proves to be.
    access: tuple[Kind, ...] = (Kind.VISITOR,)
    # Parts of the path and headers that the call reads, and headers that it always answers with: name and schema.
    parts: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, Any] = field(default_factory=dict)
    answer_headers: Mapping[str, Any] = field(default_factory=dict)
    # The schema of a body that no model parses, such as a signed message.
    raw_body: Mapping[str, Any] | None = None
    # Whether a caller may repeat the call under an Idempotency-Key.
    idempotent: bool = False
    # Whether pages of any origin may call it, without credentials (decision 88).
    any_origin: bool = False

    @property
    def visitors_only(self) -> bool:
        """Every caller is a visitor, so nobody has to be identified."""
        return self.access == _VISITORS_ONLY

    @property
    def admits_anybody(self) -> bool:
        """The answer depends neither on the caller nor on the caller's earlier forgeries."""
        return self.visitors_only and self.limit is not Limit.FORGERIES

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Parse the request, call the handler, and put its answer into the envelope."""
        deadline = Deadline.within(ANSWERED_WITHIN)
        call = Call(
            request=request,
            deadline=deadline,
            pod=request.app[POD],
            body=await body_of(request, self.body, optional=self.body_optional) if self.body else None,
            query=query_of(request, self.query) if self.query else None,
        )
        if self.idempotent:
            return await idempotent.run_once(call, self.handler, self.status)
        answer = await self.handler(call)
        if isinstance(answer, web.StreamResponse):
            return answer
        if isinstance(answer, Stream):
            return await answer.send(request, call.pod.draining)
        return success(answer, self.status)
