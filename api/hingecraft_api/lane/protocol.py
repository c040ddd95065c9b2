"""One connection to the public port."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Any

from aiohttp.web_protocol import RequestHandler

from hingecraft_api.lane.parser_position import ParserPosition
from hingecraft_api.lane.routes_lane import RoutesLane
from hingecraft_api.web.server import EnvelopeProtocol


class LaneProtocol(EnvelopeProtocol):
    """Answers `GET /routes` where that is all that was received, and hands every other byte to aiohttp."""

    def __init__(self, lane: RoutesLane, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._lane = lane
        self._position = ParserPosition()
        self._remote = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the peer's address, by which the limits count."""
        super().connection_made(transport)
        peer = self.peername
        self._remote = str(peer[0] if isinstance(peer, (list, tuple)) else peer or "")

    def data_received(self, data: bytes) -> None:
        """What has arrived in one piece."""
        if data and self._position.between_requests and self._is_idle():
            data = self._answered(data)
            if not data:
                return
        queued = len(self._messages)
        super().data_received(data)
        self._position.fed(data, [message for message, _ in islice(self._messages, queued, None)])

    def _is_idle(self) -> bool:
        """Whether aiohttp waits for a request and owes no answer, so that answers keep the order of their requests."""
        waiter = self._waiter
        return waiter is not None and not waiter.done() and not self._messages and not self._force_close

    def _answered(self, data: bytes) -> bytes:
        """Answer the requests in these bytes, and return those from the first one on that is left to aiohttp."""
        for head in self._lane.heads.read(data):
            if self._paused or self.transport is None:  # a client that does not read: aiohttp waits for it
                return data
            answer = self._lane.answer(head, self._remote)
            if answer is None:
                return data
            self.transport.write(answer)
            data = data[head.size :]
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        return data


def protocol_with(lane: RoutesLane) -> Callable[..., RequestHandler]:
    """What makes the protocol of each connection."""
    return partial(LaneProtocol, lane)
