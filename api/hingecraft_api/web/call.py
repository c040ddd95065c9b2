"""One parsed request, the argument of every handler."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from hingecraft.idempotency.model import Claim
from hingecraft.identity.principal import Principal
from hingecraft.providers.patience import Deadline
from hingecraft_api.messages.bodies import check_text, wrong_field
from hingecraft_api.pod import Pod

LONGEST_NAME = 255
REQUEST_ID_KEY: web.RequestKey[str] = web.RequestKey("request_id", str)
PRINCIPAL_KEY: web.RequestKey[Principal] = web.RequestKey("principal", Principal)
# Set once the headers of a stream or a download are sent.
STREAM_KEY: web.RequestKey[web.StreamResponse] = web.RequestKey("stream", web.StreamResponse)
SUSPECT_KEY: web.RequestKey[bool] = web.RequestKey("suspect", bool)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, parsed."""

    request: web.Request
    pod: Pod
    deadline: Deadline
    body: Any = None
    query: Any = None
    claim: Claim | None = None

    def named(self, part: str) -> str:
        """A part of the path, such as the id in `/payments/{id}`."""
        text = self.request.match_info[part]
        check_text(text)
        if len(text) > LONGEST_NAME:
            raise wrong_field("invalid_request", part, f"must be at most {LONGEST_NAME} characters long")
        return text

    @property
    def request_id(self) -> str:
        """The id that the answer and the logs carry."""
        return self.request[REQUEST_ID_KEY]

    @property
    def principal(self) -> Principal:
        """The caller."""
        return self.request[PRINCIPAL_KEY]
