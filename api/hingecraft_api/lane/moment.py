"""The answers of one moment, in which they differ only in the request's id, so that each is written once."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import NamedTuple

from aiohttp.helpers import rfc822_formatted_time

from hingecraft_api.lane.body_file import BodyFile, body_file
from hingecraft_api.lane.heads import RequestKey
from hingecraft_api.messages.answers import REQUEST_ID
from hingecraft_api.pod import Pod
from hingecraft_api.routes.answer import chosen, headers_of
from hingecraft_api.routes.cache import Snapshot, Variant
from hingecraft_api.web.edge import Edge

_ID = "\0"
# Requests that differ in what they want, such as the entity tags that they know.
_REMEMBERED = 500
_NUMBERS = itertools.count()


class Prepared(NamedTuple):
    """One answer but for the request's id."""

    status: int
    # The head before the id and after it.
    before: bytes
    after: bytes
    body: bytes
    file: BodyFile | None
    # Counts the request and its seconds.
    observe: Callable[[float], None]


class Moment:
    """At most a second of one version: until the date or the age changes, which is at `until` of `time.monotonic()`."""

    def __init__(self, pod: Pod, edge: Edge, snapshot: Snapshot) -> None:
        # No other moment has it, so a moment can be recognised without being kept.
        self.number = next(_NUMBERS)
        self._pod = pod
        self._edge = edge
        self._snapshot = snapshot
        self._prepared: dict[RequestKey, Prepared] = {}
        self._files: dict[str, BodyFile | None] = {}
        self.changes = pod.cache.changes
        age = pod.cache.age
        self._age, self._date = str(int(age)), rfc822_formatted_time()
        self.until = time.monotonic() + 1 - max(age % 1, time.time() % 1)

    def answer(self, key: RequestKey) -> Prepared:
        """The prepared answer to a request."""
        prepared = self._prepared.get(key)
        if prepared is None:
            if len(self._prepared) >= _REMEMBERED:
                self._prepared.clear()
            prepared = self._prepared[key] = self._prepare(key)
        return prepared

    def _prepare(self, key: RequestKey) -> Prepared:
        variant, status = chosen(self._snapshot, self._pod.negotiation, key.accept_encoding, key.if_none_match)
        before, _, after = self._head(variant, status, key.origin).partition(_ID)
        has_body = status == HTTPStatus.OK and key.method == "GET"
        return Prepared(
            status=status,
            before=before.encode(),
            after=after.encode(),
            body=variant.body if has_body else b"",
            file=self._file(variant) if has_body else None,
            observe=self._edge.timer(key.method, "/routes", status),
        )

    def _file(self, variant: Variant) -> BodyFile | None:
        if variant.etag not in self._files:
            self._files[variant.etag] = body_file(variant.body)
        return self._files[variant.etag]

    def _head(self, variant: Variant, status: int, origin: str | None) -> str:
        """In the order in which aiohttp and `Edge.add_headers` write it."""
        headers = headers_of(variant, status, self._age)
        if status == HTTPStatus.OK:
            headers["Content-Length"] = str(len(variant.body))
        headers["Date"] = self._date
        headers[REQUEST_ID] = _ID
        headers.update(self._edge.cors_headers(self._edge.allowed(origin)))
        lines = (f"{name}: {value}" for name, value in headers.items())
        return "\r\n".join([f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *lines, "", ""])
