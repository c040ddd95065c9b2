"""Decides on the answer to a request that was read from its bytes, with the functions that the slow path uses."""

from __future__ import annotations

from time import monotonic, time

from hingecraft_api.access.limits import Counted, Limit
from hingecraft_api.access.visitor import Visitor
from hingecraft_api.lane.heads import Head, Heads
from hingecraft_api.lane.moment import Moment, Prepared
from hingecraft_api.pod import Pod
from hingecraft_api.web.edge import SLOW, Edge


class Decided:
    """The decision that a connection's request may be answered, for as long as its moment lasts.

    An idle connection keeps this, so it has the moment's number and not the moment, whose answers and files are large.
    """

    __slots__ = ("counted", "head", "moment")

    def __init__(self, head: Head, moment: int, counted: Counted) -> None:
        self.head = head
        self.moment = moment
        self.counted = counted


class RoutesLane:
    """One for all connections of the public port."""

    def __init__(self, pod: Pod, edge: Edge) -> None:
        self.heads = Heads()
        self._pod = pod
        self._edge = edge
        self._cache, self._draining, self._limits = pod.cache, pod.draining, edge.limits
        self._moment: Moment | None = None
        # When the request that is being answered was taken up.
        self._started = 0.0

    def decide(self, head: Head, visitor: bytes | None, peer: str) -> Decided | None:
        """The answer to a request; None leaves it to aiohttp."""
        moment = self._now()
        if visitor is None:
            caller: Visitor | None = self._edge.visitors.at(peer, head.forwarded or "")
        else:
            caller = self._edge.visitors.verified(visitor, time())
        if moment is None or caller is None:
            return None
        return Decided(head, moment.number, self._limits.counted(Limit.ROUTES, caller))

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
        moment = self._moment
        if moment is None or self._limits.reached_by(decided.counted, time()) is not None:
            return None
        asked = decided.head
        prepared = moment.answer(asked.key)
        request_id = self._edge.request_id(asked.request_id)
        head = b"".join((prepared.before, request_id.encode(), prepared.after))
        seconds = monotonic() - self._started
        if seconds < SLOW:
            prepared.observe(seconds)
        else:
            self._edge.observe(asked.key.method, "/routes", prepared.status, seconds, request_id)
        return head, prepared

    def _now(self) -> Moment | None:
        """The prepared answers; None if no version is loaded, or the pod drains."""
        moment, now = self._moment, monotonic()
        self._started = now
        if moment is None or moment.changes != self._cache.changes or now >= moment.until:
            snapshot = self._cache.current
            moment = self._moment = Moment(self._pod, self._edge, snapshot) if snapshot is not None else None
        return None if self._draining.is_set() else moment
