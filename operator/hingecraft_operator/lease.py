"""Leader election: takes, renews and releases a Lease.

Time is measured only on this machine's monotonic clock: a lease has expired when it was not renewed for its whole
duration since *this replica* last saw it change. So clocks that differ, or jump, cannot make a replica lead too early.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from hingecraft.errors import HingecraftError
from hingecraft_operator.cluster.client import (
    LEASES,
    Cluster,
    ClusterRejectedError,
    ClusterUnavailableError,
    Document,
    micro_time,
)

log = logging.getLogger(__name__)

LEASE_NAME = "hingecraft-operator"
_NO_HOLDER = ""
# These fields stay the same while one replica leads.
_TERM_FIELDS = ("holderIdentity", "acquireTime")


class LeadershipLostError(HingecraftError):
    """Another replica leads, or may lead: this one must stop reconciling and stand by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTimings:
    """In seconds. A holder that is rejected for `renew_deadline` stops leading; it is shorter than `duration`."""

    duration: float = 13.0
    renew_deadline: float = 9.0
    renew_every: float = 2.0
    poll_every: float = 0.5
    call_timeout: float = 3.0


@dataclass(slots=True)
class ObservedLease:
    """The lease at its last change that this replica saw, and when that was on its own clock."""

    version: str
    holder: str
    at: float


class LeaderElector:
    """Takes part in the election for one replica."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        namespace: str,
        identity: str,
        timings: LeaseTimings | None = None,
        clock: Callable[[], float] = time.monotonic,
        isolated: Callable[[bool], None] = lambda _isolated: None,
    ) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._identity = identity
        self._timings = timings or LeaseTimings()
        self._clock = clock
        self._isolated = isolated
        self._unreachable = self._is_isolated = False
        self._seen: ObservedLease | None = None
        self._held: Document | None = None
        self.tried_at = clock()

    async def acquire(self) -> None:
        """Wait until this replica holds the lease."""
        while not await self._try(self._take):
            await self._sleep()
        log.info("%s leads", self._identity)

    async def hold(self) -> None:
        """Renew until cancelled; raises LeadershipLostError if another holds the lease or renewals are rejected.

        An unreachable API server does not end the term: two leaders may publish at once without harm (compare-and-set,
        claims), and otherwise pods would get no new routes until the outage is over.
        """
        renewed = self._clock()
        rejected_since: float | None = None
        while True:
            await asyncio.sleep(self._timings.renew_every)
            began = self._clock()
            if await self._try(self._renew):
                renewed, rejected_since = began, None
                self._be_isolated(isolated=False)
            elif self._held is None:
                raise LeadershipLostError(f"{self._identity} no longer holds the lease")
            elif self._unreachable:
                rejected_since = None
                if self._clock() - renewed >= self._timings.renew_deadline:
                    self._be_isolated(isolated=True)
            else:
                # An API server that has just started rejects every request for a moment.
                rejected_since = began if rejected_since is None else rejected_since
                if self._clock() - rejected_since >= self._timings.renew_deadline:
                    raise LeadershipLostError(f"{self._identity} is not allowed to renew the lease")

    def _be_isolated(self, *, isolated: bool) -> None:
        if isolated != self._is_isolated:
            log.warning(
                "%s cannot reach the API server: it keeps publishing, but cannot write to Kubernetes"
                if isolated
                else "%s can reach the API server again and still holds the lease",
                self._identity,
            )
        self._is_isolated = isolated
        self._isolated(isolated)

    async def release(self) -> None:
        """Give the lease back, so that the next replica need not wait until it expires."""
        held, self._held = self._held, None
        if held is None:
            return
        held["spec"] = {**held["spec"], "holderIdentity": _NO_HOLDER, "leaseDurationSeconds": 1}
        await self._try(lambda: self._write(held))

    async def _try(self, step: Callable[[], object]) -> bool:
        """Run one step within `call_timeout`; False when the API server is unreachable or rejects it."""
        self.tried_at = self._clock()
        self._unreachable = False
        try:
            async with asyncio.timeout(self._timings.call_timeout):
                result = step()
                return bool(await result) if asyncio.iscoroutine(result) else bool(result)
        except (ClusterUnavailableError, TimeoutError) as error:
            self._unreachable = True
            log.warning("cannot reach the API server to renew the lease: %s", str(error) or type(error).__name__)
        except ClusterRejectedError as error:
            self._unreachable = error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            if error.status == HTTPStatus.NOT_FOUND:
                # The Lease was deleted.
                self._held = None
            else:
                log.warning("the API server rejected the lease: %s", error)
        return False

    async def _take(self) -> bool:
        found = await self._cluster.get(LEASES, self._namespace, LEASE_NAME)
        if found is None:
            self._held = await self._cluster.create(LEASES, self._namespace, self._document())
            return True
        self._observe(found)
        if not self._is_free():
            return False
        transitions = int(found["spec"].get("leaseTransitions") or 0) + 1
        found["spec"] = {**self._spec(transitions), "acquireTime": micro_time()}
        return await self._write(found)

    async def _renew(self) -> bool:
        """A conflict may be our own renewal whose response was lost: then the stored lease is still our term."""
        assert self._held is not None
        held = self._held
        try:
            return await self._write(_renewed(held))
        except ClusterRejectedError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
        found = await self._cluster.get(LEASES, self._namespace, LEASE_NAME)
        if found is None or any(found["spec"].get(key) != held["spec"].get(key) for key in _TERM_FIELDS):
            self._held = None
            return False
        # From now on the version just read is the one to renew, even if it is written again in between.
        self._held = found
        return await self._write(_renewed(found))

    async def _write(self, document: Document) -> bool:
        """Writes with the resource version that was read, so a write in between wins."""
        self._held = await self._cluster.replace(LEASES, self._namespace, LEASE_NAME, document)
        return True

    def _observe(self, lease: Document) -> None:
        version = lease["metadata"]["resourceVersion"]
        if self._seen is None or self._seen.version != version:
            self._seen = ObservedLease(
                version, (lease.get("spec") or {}).get("holderIdentity") or _NO_HOLDER, self._clock()
            )

    def _is_free(self) -> bool:
        """Our own name from before a restart is treated as another holder: that process may still run."""
        assert self._seen is not None
        return self._seen.holder == _NO_HOLDER or self._clock() >= self._seen.at + self._timings.duration

    async def _sleep(self) -> None:
        """Sleep until the next poll, or until the lease expires if that is sooner."""
        pause = self._timings.poll_every
        if self._seen is not None and self._seen.holder != _NO_HOLDER:
            left = self._seen.at + self._timings.duration - self._clock()
            # An expired lease that could not be taken is tried again at the usual pace.
            pause = max(0.05, min(pause, left)) if left > 0 else pause
        await asyncio.sleep(pause)

    def _document(self) -> Document:
        metadata = {"name": LEASE_NAME, "namespace": self._namespace}
        spec = {**self._spec(0), "acquireTime": micro_time()}
        return {"apiVersion": LEASES.api_version, "kind": "Lease", "metadata": metadata, "spec": spec}

    def _spec(self, transitions: int) -> Document:
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": round(self._timings.duration),
            "renewTime": micro_time(),
            "leaseTransitions": transitions,
        }


def _renewed(lease: Document) -> Document:
    return {**lease, "spec": {**lease["spec"], "renewTime": micro_time()}}
