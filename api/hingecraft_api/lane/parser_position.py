"""Where aiohttp's parser stands, which it does not say: the lane may answer only what begins between two requests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp.http import RawRequestMessage

from hingecraft_api.lane.heads import END, LARGEST


class ParserPosition:
    """Follows one connection by counting bytes. What it cannot follow belongs to aiohttp for good."""

    __slots__ = ("_awaited", "_begun", "between_requests")

    def __init__(self) -> None:
        # The bytes of a head that is not complete yet.
        self._begun = b""
        # How many bytes of a body are still to come; None where that is not known.
        self._awaited: int | None = 0
        # Whether the next byte is the first of a request.
        self.between_requests = True

    def fed(self, data: bytes, read: Sequence[Any]) -> None:
        """The parser has got these bytes and has read these requests from them."""
        self._follow(data, read)
        self.between_requests = self._awaited == 0 and not self._begun

    def _follow(self, data: bytes, read: Sequence[Any]) -> None:
        if self._awaited is None or not data:
            return
        if self._awaited:
            self._awaited = self._awaited - len(data) if len(data) <= self._awaited and not read else None
            return
        self._begun += data
        if read or END in self._begun or len(self._begun) > LARGEST:
            self._awaited, self._begun = _awaited_after(self._begun, read), b""


def _awaited_after(data: bytes, read: Sequence[Any]) -> int | None:
    """Only of a single request, which begins with the first byte and ends its head with the first empty line."""
    message = read[0] if len(read) == 1 else None
    if not isinstance(message, RawRequestMessage) or message.chunked or message.upgrade or message.method == "CONNECT":
        return None
    end = data.find(END)
    if end < 0 or not data[:1].isalpha():
        return None
    awaited = end + len(END) + int(message.headers.get("Content-Length", "0")) - len(data)
    return awaited if awaited >= 0 else None
