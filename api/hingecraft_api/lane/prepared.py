"""The heads of answers, written in advance but for what differs from one answer to the next."""

from __future__ import annotations

from http import HTTPStatus

from aiohttp.helpers import rfc822_formatted_time

from hingecraft_api.answers import REQUEST_ID
from hingecraft_api.edge import Edge
from hingecraft_api.routes_answer import headers_of
from hingecraft_api.routes_cache import Snapshot, Variant


class PreparedHeads:
    """Those of one version; a few for each encoding."""

    def __init__(self, edge: Edge) -> None:
        self._edge = edge
        self._snapshot: Snapshot | None = None
        self._templates: dict[tuple[str, HTTPStatus, str | None], bytes] = {}

    def head(
        self, snapshot: Snapshot, variant: Variant, status: HTTPStatus, origin: str | None, request_id: str, age: int
    ) -> bytes:
        """The status line and all headers. `origin` is one that may read the answer, so that there are few."""
        if snapshot is not self._snapshot:
            self._snapshot = snapshot
            self._templates.clear()
        key = (variant.etag, status, origin)
        template = self._templates.get(key)
        if template is None:
            template = self._templates[key] = self._template(variant, status, origin)
        values = {b"age": age, b"date": rfc822_formatted_time().encode(), b"id": request_id.encode()}
        return template % values

    def _template(self, variant: Variant, status: HTTPStatus, origin: str | None) -> bytes:
        """In the order in which aiohttp and `Edge.add_headers` write them."""
        headers = headers_of(variant, status, "\0age")
        if status is HTTPStatus.OK:
            headers["Content-Length"] = str(len(variant.body))
        headers["Date"] = "\0date"
        headers[REQUEST_ID] = "\0id"
        headers.update(self._edge.cors_headers(origin))
        lines = [f"HTTP/1.1 {status.value} {status.phrase}", *(f"{name}: {value}" for name, value in headers.items())]
        text = "\r\n".join([*lines, "", ""]).replace("%", "%%")
        for name, form in (("age", "d"), ("date", "b"), ("id", "b")):
            text = text.replace(f"\0{name}", f"%({name}){form}")
        return text.encode()
