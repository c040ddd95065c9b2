"""The heads of answers. Only the request's id differs between those of one second, so each is written once a second."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp.helpers import rfc822_formatted_time

from hingecraft_api.messages.answers import REQUEST_ID
from hingecraft_api.routes.answer import headers_of
from hingecraft_api.routes.cache import Snapshot, Variant
from hingecraft_api.web.edge import Edge

_ID = "\0"


class PreparedHeads:
    """Those of one version, one age and one second: a few for each encoding."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._snapshot: Snapshot | None = None
        self._moment = (0, "")
        self._written: dict[tuple[str, int, str | None], tuple[bytes, bytes]] = {}

    def head(
        self, snapshot: Snapshot, variant: Variant, status: int, origin: str | None, request_id: str, age: int
    ) -> bytes:
        """The status line and all headers. `origin` is one that may read the answer, so that there are few."""
        moment = (age, rfc822_formatted_time())
        if snapshot is not self._snapshot or moment != self._moment:
            self._snapshot, self._moment = snapshot, moment
            self._written.clear()
        key = (variant.etag, status, origin)
        written = self._written.get(key)
        if written is None:
            written = self._written[key] = self._write(variant, status, origin)
        return request_id.encode().join(written)

    def _write(self, variant: Variant, status: int, origin: str | None) -> tuple[bytes, bytes]:
        """In the order in which aiohttp and `Edge.add_headers` write them; what stands before the id and after it."""
        age, date = self._moment
        headers = headers_of(variant, status, str(age))
        if status == HTTPStatus.OK:
            headers["Content-Length"] = str(len(variant.body))
        headers["Date"] = date
        headers[REQUEST_ID] = _ID
        headers.update(self._edge.cors_headers(origin))
        lines = [
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        before, _, after = "\r\n".join([*lines, "", ""]).partition(_ID)
        return before.encode(), after.encode()
