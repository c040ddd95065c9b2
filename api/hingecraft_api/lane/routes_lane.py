"""Decides on the answer to a request that was read from its bytes, with the functions that the slow path uses."""

from __future__ import annotations

import time
from http import HTTPStatus

from hingecraft_api.access.limits import Limit
from hingecraft_api.access.visitor import Visitor
from hingecraft_api.lane.heads import Head, Heads
from hingecraft_api.lane.prepared import PreparedHeads
from hingecraft_api.pod import Pod
from hingecraft_api.routes.answer import chosen
from hingecraft_api.web.edge import Edge


class RoutesLane:
    """One for all connections of the public port."""

    def __init__(self, pod: Pod, edge: Edge) -> None:
        self.heads = Heads()
        self._pod = pod
        self._edge = edge
        self._prepared = PreparedHeads(edge)

    def answer(self, head: Head, peer: str) -> bytes | None:
        """The bytes to send. None leaves the request to aiohttp, and then nothing has been counted."""
        started, now = time.perf_counter(), time.time()
        pod, edge = self._pod, self._edge
        snapshot = pod.cache.current
        if snapshot is None or pod.draining.is_set():
            return None
        visitor = self._visitor(head, peer, now)
        if visitor is None or edge.limits.reached(Limit.ROUTES, visitor, now) is not None:
            return None
        variant, status = chosen(snapshot, pod.negotiation, head.accept_encoding, head.if_none_match)
        request_id = edge.request_id(head.request_id)
        origin = edge.allowed(head.origin)
        answer = self._prepared.head(snapshot, variant, status, origin, request_id, int(pod.cache.age))
        if status == HTTPStatus.OK and head.method == "GET":
            answer += variant.body
        edge.observe(head.method, "/routes", status, time.perf_counter() - started, request_id)
        return answer

    def _visitor(self, head: Head, peer: str, now: float) -> Visitor | None:
        """None for a visitor whose signature is wrong."""
        if head.visitor is not None:
            return self._edge.visitors.verified(head.visitor, now)
        return self._edge.visitors.at(peer, head.forwarded or "")
