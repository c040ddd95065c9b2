"""Decides on the answer to a request that was read from its bytes, with the functions that the slow path uses."""

from __future__ import annotations

import time
from typing import NamedTuple

from hingecraft_api.access.limits import Counted, Limit
from hingecraft_api.access.visitor import Visitor
from hingecraft_api.lane.heads import Head, Heads
from hingecraft_api.lane.moment import Moment, Prepared
from hingecraft_api.pod import Pod
from hingecraft_api.web.edge import SLOW, Edge


class Decided(NamedTuple):
    """The decision that a connection's request may be answered, for as long as its moment lasts.

    An idle connection keeps this, so it has the moment's number and not the moment, whose answers and files are large.
    """

    head: Head
    moment: int
    counted: Counted


class RoutesLane:
    """One for all connections of the public port."""

    def __init__(self, pod: Pod, edge: Edge) -> None:
        self.heads = Heads()
        self._pod = pod
        self._edge = edge
        self._moment: Moment | None = None

    def decide(self, head: Head, peer: str) -> Decided | None:
        """The answer to a request; None leaves it to aiohttp."""
        moment = self._now()
        visitor = self._visitor(head, peer)
        if moment is None or visitor is None:
            return None
        return Decided(head, moment.number, self._edge.limits.counted(Limit.ROUTES, visitor))

    def holds(self, decided: Decided) -> bool:
        """Whether the same bytes on the same connection would be decided alike now.

        A signature may become too old in the meantime, which is seen a second late at most.
        """
        moment = self._now()
        return moment is not None and decided.moment == moment.number

    def head(self, decided: Decided) -> tuple[bytes, Prepared] | None:
        """The head to send and the rest of the answer to what holds, after the request has been counted.

        None if it is over a limit; then it counts nowhere, and no answer is prepared for it.
        """
        started = time.monotonic()
        moment = self._moment
        if moment is None or self._edge.limits.reached_by(decided.counted, time.time()) is not None:
            return None
        prepared = moment.answer(decided.head.key)
        request_id = self._edge.request_id(decided.head.request_id)
        head = b"".join((prepared.before, request_id.encode(), prepared.after))
        seconds = time.monotonic() - started
        if seconds < SLOW:
            prepared.observe(seconds)
        else:
            self._edge.observe(decided.head.key.method, "/routes", prepared.status, seconds, request_id)
        return head, prepared

    def _now(self) -> Moment | None:
        """The prepared answers; None if no version is loaded, or the pod drains."""
        moment, cache = self._moment, self._pod.cache
        if moment is None or moment.changes != cache.changes or time.monotonic() >= moment.until:
            snapshot = cache.current
            moment = self._moment = Moment(self._pod, self._edge, snapshot) if snapshot is not None else None
        return None if self._pod.draining.is_set() else moment

    def _visitor(self, head: Head, peer: str) -> Visitor | None:
        """The visitor of a request; None if its signature is wrong."""
        if head.visitor is not None:
            return self._edge.visitors.verified(head.visitor, time.time())
        return self._edge.visitors.at(peer, head.forwarded or "")
