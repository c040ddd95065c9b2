"""Who leads: a Lease that is taken, kept and given back.

Time is measured on this machine's monotonic clock alone: a lease has run out when nobody has renewed it for its whole
length since *we* last saw it change. So clocks that differ, or jump, make nobody lead too early.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

from hingecraft.errors import HingecraftError
from hingecraft_operator.cluster.client import LEASES, Cluster, ClusterRejectedError, ClusterUnavailableError, Document

log = logging.getLogger(__name__)

LEASE_NAME = "hingecraft-operator"
_NO_HOLDER = ""
# What stays the same for as long as one replica leads.
_TERM = ("holderIdentity", "acquireTime")


class LeadershipLostError(HingecraftError):
    """Another leads, or may: this replica has to stop working, and stands by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseTimings:
    """In seconds: how long a lease lasts, when its holder gives up, how often it is renewed and polled."""

    duration: float = 13.0
    renew_deadline: float = 9.0
    renew_every: float = 2.0
    poll_every: float = 0.5
    call_timeout: float = 3.0


@dataclass(slots=True)
class ObservedLease:
    """A lease as it was last seen to change."""

    version: str
    holder: str
    at: float


class LeaderElector:
    """One replica's part in the election."""

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
        """Wait until the lease is ours."""
        while not await self._try(self._take):
            await self._sleep()
        log.info("%s leads", self._identity)

    async def hold(self) -> None:
        """Renew until cancelled; an error when another holds it, or when the API server refuses to renew it.

        An API server that cannot be reached ends nothing: what this process publishes is safe beside another leader's
        (compare-and-set, claims), and pods would otherwise get no new routes for as long as the outage lasts.
        """
        renewed = self._clock()
        refused_since: float | None = None
        while True:
            await asyncio.sleep(self._timings.renew_every)
            began = self._clock()
            if await self._try(self._renew):
                renewed, refused_since = began, None
                self._be_isolated(isolated=False)
            elif self._held is None:
                raise LeadershipLostError(f"{self._identity} no longer holds the lease")
            elif self._unreachable:
                refused_since = None
                if self._clock() - renewed >= self._timings.renew_deadline:
                    self._be_isolated(isolated=True)
            else:
                # An API server that has just started refuses everyone for a moment.
                refused_since = began if refused_since is None else refused_since
                if self._clock() - refused_since >= self._timings.renew_deadline:
                    raise LeadershipLostError(f"{self._identity} may not renew the lease")

    def _be_isolated(self, *, isolated: bool) -> None:
        if isolated != self._is_isolated:
            log.warning(
                "%s cannot reach the API server: it goes on publishing, and writes nothing to Kubernetes"
                if isolated
                else "%s reaches the API server again, and still holds the lease",
                self._identity,
            )
        self._is_isolated = isolated
        self._isolated(isolated)

    async def release(self) -> None:
        """Give it back, so that the next one need not wait until it has run out."""
        held, self._held = self._held, None
        if held is None:
            return
        held["spec"] = {**held["spec"], "holderIdentity": _NO_HOLDER, "leaseDurationSeconds": 1}
        await self._try(lambda: self._write(held))

    async def _try(self, step: Callable[[], object]) -> bool:
        """One step against the API server, which may be away or say no; never longer than a call may take."""
        self.tried_at = self._clock()
        self._unreachable = False
        try:
            async with asyncio.timeout(self._timings.call_timeout):
                result = step()
                return bool(await result) if asyncio.iscoroutine(result) else bool(result)
        except (ClusterUnavailableError, TimeoutError) as error:
            self._unreachable = True
            log.warning("the lease cannot be reached: %s", str(error) or type(error).__name__)
        except ClusterRejectedError as error:
            self._unreachable = error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
            if error.status == HTTPStatus.NOT_FOUND:
                # Somebody has deleted it.
                self._held = None
            else:
                log.warning("the lease is refused: %s", error)
        return False

    async def _take(self) -> bool:
        found = await self._cluster.get(LEASES, self._namespace, LEASE_NAME)
        if found is None:
            self._held = await self._cluster.create(LEASES, self._namespace, self._document())
            return True
        self._observe(found)
        if not self._is_free():
            return False
        turns = int(found["spec"].get("leaseTransitions") or 0) + 1
        found["spec"] = {**self._spec(turns), "acquireTime": _now()}
        return await self._write(found)

    async def _renew(self) -> bool:
        """A conflict may be a renewal of our own whose answer was lost: then what is there is still our term."""
        assert self._held is not None
        held = self._held
        try:
            return await self._write(_renewed(held))
        except ClusterRejectedError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise
        found = await self._cluster.get(LEASES, self._namespace, LEASE_NAME)
        if found is None or any(found["spec"].get(key) != held["spec"].get(key) for key in _TERM):
            self._held = None
            return False
        # From here on it is renewed as it is now, also where somebody writes once more in between.
        self._held = found
        return await self._write(_renewed(found))

    async def _write(self, document: Document) -> bool:
        """With the version that was read: whoever wrote in between wins."""
        self._held = await self._cluster.replace(LEASES, self._namespace, LEASE_NAME, document)
        return True

    def _observe(self, lease: Document) -> None:
        version = lease["metadata"]["resourceVersion"]
        if self._seen is None or self._seen.version != version:
            self._seen = ObservedLease(
                version, (lease.get("spec") or {}).get("holderIdentity") or _NO_HOLDER, self._clock()
            )

    def _is_free(self) -> bool:
        """Our own name from before a restart is nobody special: the process that wrote it may still run."""
        assert self._seen is not None
        return self._seen.holder == _NO_HOLDER or self._clock() >= self._seen.at + self._timings.duration

    async def _sleep(self) -> None:
        """Be there at the moment when it runs out."""
        pause = self._timings.poll_every
        if self._seen is not None and self._seen.holder != _NO_HOLDER:
            pause = max(0.05, min(pause, self._seen.at + self._timings.duration - self._clock()))
        await asyncio.sleep(pause)

    def _document(self) -> Document:
        metadata = {"name": LEASE_NAME, "namespace": self._namespace}
        spec = {**self._spec(0), "acquireTime": _now()}
        return {"apiVersion": LEASES.api_version, "kind": "Lease", "metadata": metadata, "spec": spec}

    def _spec(self, turns: int) -> Document:
        return {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": round(self._timings.duration),
            "renewTime": _now(),
            "leaseTransitions": turns,
        }


def _renewed(lease: Document) -> Document:
    return {**lease, "spec": {**lease["spec"], "renewTime": _now()}}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
