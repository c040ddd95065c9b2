"""One connection to the public port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

from aiohttp.web_protocol import RequestHandler

from hingecraft_api.lane.parser_position import ParserPosition
from hingecraft_api.lane.routes_lane import Decided, RoutesLane
from hingecraft_api.web.server import EnvelopeProtocol


class LaneProtocol(EnvelopeProtocol):
    """Answers `GET /routes` where that is all that was received, and hands every other byte to aiohttp."""

    def __init__(self, lane: RoutesLane, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._lane = lane
        self._position = ParserPosition()
        # Until aiohttp is given something, it owes nothing: it may not even have begun to wait for a request.
        self._untouched = True
        self._remote = ""
        # What was received last and is all of one request, and what was decided: a client mostly sends the same again.
        self._last: tuple[bytes, Decided] | None = None
        # Refers to the transport's socket, which the transport closes.
        self._socket: socket.socket | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the peer's address, by which the limits count."""
        super().connection_made(transport)
        peer = self.peername
        self._remote = str(peer[0] if isinstance(peer, (list, tuple)) else peer or "")
        self._socket = socket.socket(fileno=transport.get_extra_info("socket").fileno())

    def force_close(self) -> None:
        """Give up the socket too, which the transport closes: its number may soon be that of another connection."""
        super().force_close()
        if self._socket is not None:
            self._socket.detach()
            self._socket = None

    def data_received(self, data: bytes) -> None:
        """Answer or hand over what has arrived in one piece."""
        if data and self._idle() and self._position.between_requests:
            data = self._answered(data)
            if not data:
                return
        self._untouched = False
        queued = len(self._messages)
        super().data_received(data)
        self._position.fed(data, [message for message, _ in islice(self._messages, queued, None)])

    def _idle(self) -> bool:
        """Whether aiohttp waits for a request and owes no answer, so that answers keep the order of their requests."""
        if self._untouched:
            return not self._force_close
        waiter = self._waiter
        return waiter is not None and not waiter.done() and not self._messages and not self._force_close

    def _answered(self, data: bytes) -> bytes:
        """Answer the requests in these bytes, and return those from the first one on that is left to aiohttp."""
        last = self._last
        if last is not None and last[0] == data and self._lane.holds(last[1]):
            return b"" if self._answer(last[1]) else data
        requests = self._lane.heads.read(data)
        for head, visitor in requests:
            decided = self._lane.decide(head, visitor, self._remote)
            if decided is None or not self._answer(decided):
                return data
            if len(requests) == 1:
                self._last = data, decided
                return b""
            data = data[head.size :]
        return data

    def _answer(self, decided: Decided) -> bool:
        """Whether it has been answered. It is not where a client does not read: aiohttp waits for it."""
        transport = self.transport
        if self._paused or transport is None:
            return False
        answer = self._lane.head(decided)
        if answer is None:
            return False
        head, prepared = answer
        if prepared.file is None or self._socket is None or transport.get_write_buffer_size():
            transport.write(head + prepared.body)
        else:  # nothing waits in the transport, so what goes past it keeps its place
            try:
                rest = prepared.file.send(self._socket, head)
            except OSError:
                transport.abort()
            else:
                if rest:
                    transport.write(rest)
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        return True


def protocol_with(lane: RoutesLane) -> Callable[..., RequestHandler]:
    """The factory for the protocol of each connection."""
    return partial(LaneProtocol, lane)
