"""Reads the head of `GET /routes` where every byte of it is understood."""

from __future__ import annotations

import re
from dataclasses import dataclass

END = b"\r\n\r\n"
# What is read in one piece. It is less than aiohttp allows for a single line.
LARGEST = 4096
# aiohttp allows 128.
_MOST_FIELDS = 64
_REMEMBERED = 500

# Field values are visible ASCII without spaces around them, so that nothing has to be trimmed or decoded.
_SHAPE = re.compile(r"(?:GET|HEAD) /routes HTTP/1\.1(?:\r\n[A-Za-z0-9-]+: [!-~](?:[ -~]*[!-~])?)+")
# These announce a body, another protocol or the end of the connection, are rejected, or need the database.
_LEFT_TO_AIOHTTP = frozenset(
    {
        "content-encoding", "content-length", "expect", "proxy-connection", "sec-websocket-key1", "trailer",
        "transfer-encoding", "upgrade", "x-routes-at-least",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Head:
    """What decides on the answer. None is a header that was not sent."""

    method: str
    # In bytes.
    size: int
    request_id: str | None
    visitor: str | None
    forwarded: str | None
    origin: str | None
    accept_encoding: str | None
    if_none_match: str | None


class Heads:
    """Remembers what it has read, since a page polls with the same bytes each time."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[Head, ...]] = {}

    def read(self, data: bytes) -> tuple[Head, ...]:
        """The requests that these bytes consist of; none at all if there is anything else in them."""
        known = self._known.get(data)
        if known is None:
            known = _read(data)
            if known:
                if len(self._known) >= _REMEMBERED:
                    self._known.clear()
                self._known[data] = known
        return known


def _read(data: bytes) -> tuple[Head, ...]:
    if len(data) > LARGEST or not data.endswith(END) or not data.isascii():
        return ()
    heads = tuple(map(_head, data.decode("ascii").removesuffix("\r\n\r\n").split("\r\n\r\n")))
    return () if None in heads else heads  # type: ignore[return-value]  # mypy does not see that none is None


def _head(text: str) -> Head | None:
    if _SHAPE.fullmatch(text) is None:
        return None
    first, *lines = text.split("\r\n")
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        fields[name.lower()] = value
    repeated = len(fields) < len(lines)
    if repeated or len(lines) > _MOST_FIELDS or "host" not in fields or not _LEFT_TO_AIOHTTP.isdisjoint(fields):
        return None
    if fields.get("connection", "keep-alive").lower() != "keep-alive":
        return None
    return Head(
        method=first.partition(" ")[0],
        size=len(text) + len(END),
        request_id=fields.get("x-request-id"),
        visitor=fields.get("x-hc-visitor"),
        forwarded=fields.get("x-forwarded-for"),
        origin=fields.get("origin"),
        accept_encoding=fields.get("accept-encoding"),
        if_none_match=fields.get("if-none-match"),
    )
