"""Reads the head of `GET /routes` where every byte of it is understood."""

from __future__ import annotations

import re
from typing import NamedTuple, TypeVar

END = b"\r\n\r\n"
# What is read in one piece. It is less than aiohttp allows for a single line.
LARGEST = 4096
# aiohttp allows 128.
_MOST_FIELDS = 64
_HEADS_REMEMBERED = 500
_LINES_REMEMBERED = 1000
_LONGEST_REMEMBERED = 256

_Value = TypeVar("_Value")

_METHODS = {b"GET /routes HTTP/1.1": "GET", b"HEAD /routes HTTP/1.1": "HEAD"}
# Field values are visible ASCII without spaces around them, so that nothing has to be trimmed or decoded.
_FIELD = re.compile(rb"([A-Za-z0-9-]+): ([!-~](?:[ -~]*[!-~])?)")
# These announce a body, another protocol or the end of the connection, are rejected, or need the database.
_LEFT_TO_AIOHTTP = frozenset(
    {
        "content-encoding", "content-length", "expect", "proxy-connection", "sec-websocket-key1", "trailer",
        "transfer-encoding", "upgrade", "x-routes-at-least",
    }
)  # fmt: skip
# Different for each visitor or request, so that remembering them would only push out the others.
_VARYING = frozenset({"x-forwarded-for", "x-hc-visitor", "x-real-ip", "x-request-id"})
# How the line of the visitor's header begins, and what is searched for, since proxies change the name's case.
_VISITOR_LINE = b"\r\nx-hc-visitor: "
_VISITOR = b"isitor: v1;"
_BEFORE_VALUE = len(b"isitor: ")


class RequestKey(NamedTuple):
    """The parts of a request that the answer depends on, other than the caller. None is a header that was not sent."""

    method: str
    accept_encoding: str | None
    if_none_match: str | None
    origin: str | None


class Head(NamedTuple):
    """One request without its visitor, so that it is the same for all visitors of a page."""

    key: RequestKey
    # In bytes, with the visitor that it was read with.
    size: int
    request_id: str | None
    forwarded: str | None


# A request and the value of its visitor's header as it was received; its signature says whether it is valid.
Sent = tuple[Head, bytes | None]


class Heads:
    """Remembers what it has read, by its exact bytes.

    A page polls with the same bytes each time, and most lines are the same in many heads. Pages of different visitors
    send the same bytes around the visitor's header.
    """

    def __init__(self) -> None:
        self._heads: dict[bytes, tuple[Sent, ...]] = {}
        self._around: dict[bytes, Head] = {}
        self._fields: dict[bytes, tuple[str, str]] = {}

    def read(self, data: bytes) -> tuple[Sent, ...]:
        """The requests that these bytes consist of; none at all if there is anything else in them.

        The sizes are right where there are several.
        """
        start = data.find(_VISITOR) + _BEFORE_VALUE
        if start < _BEFORE_VALUE:
            return self._heads.get(data) or self._remembered(data)
        end = data.find(b"\r\n", start)
        around = data[:start] + data[end:]
        known = self._around.get(around)
        if known is None or len(data) > LARGEST:
            return self._remembered_around(around, data, start)
        return ((known, data[start:end]),)

    def _remembered(self, data: bytes) -> tuple[Sent, ...]:
        heads = self._read(data)
        if heads:
            _remember(self._heads, data, heads)
        return heads

    def _remembered_around(self, around: bytes, data: bytes, start: int) -> tuple[Sent, ...]:
        """Remember one request by the bytes around the visitor's value; only its signature decides what that may be."""
        heads = self._read(data)
        if len(heads) == 1 and data[:start].lower().endswith(_VISITOR_LINE):
            _remember(self._around, around, heads[0][0])
        return heads

    def _read(self, data: bytes) -> tuple[Sent, ...]:
        if len(data) > LARGEST or not data.endswith(END):
            return ()
        heads = []
        for head in data[: -len(END)].split(END):
            read = self._head(head)
            if read is None:
                return ()
            heads.append(read)
        return tuple(heads)

    def _head(self, data: bytes) -> Sent | None:
        first, *lines = data.split(b"\r\n")
        method = _METHODS.get(first)
        if method is None or len(lines) > _MOST_FIELDS:
            return None
        remembered = self._fields
        fields: dict[str, str] = {}
        for line in lines:
            field = remembered.get(line) or self._field(line)
            if field is None:
                return None
            fields[field[0]] = field[1]
        repeated = len(fields) < len(lines)
        if repeated or "host" not in fields or fields.get("connection", "keep-alive").lower() != "keep-alive":
            return None
        get = fields.get
        key = RequestKey(method, get("accept-encoding"), get("if-none-match"), get("origin"))
        visitor = get("x-hc-visitor")
        head = Head(key, len(data) + len(END), get("x-request-id"), get("x-forwarded-for"))
        return head, visitor.encode() if visitor is not None else None

    def _field(self, line: bytes) -> tuple[str, str] | None:
        """The name in lower case, and the value."""
        match = _FIELD.fullmatch(line)
        if match is None:
            return None
        field = match[1].decode("ascii").lower(), match[2].decode("ascii")
        if field[0] in _LEFT_TO_AIOHTTP:
            return None
        if field[0] not in _VARYING and len(line) <= _LONGEST_REMEMBERED:
            if len(self._fields) >= _LINES_REMEMBERED:
                self._fields.clear()
            self._fields[line] = field
        return field


def _remember(memory: dict[bytes, _Value], key: bytes, value: _Value) -> None:
    if len(memory) >= _HEADS_REMEMBERED:
        memory.clear()
    memory[key] = value
