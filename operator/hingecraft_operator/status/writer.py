"""Writes the status: a changed condition at once, other changes at most every five seconds."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from hingecraft_operator.cluster.client import (
    PAYMENT_ROUTES,
    Cluster,
    ClusterRejectedError,
    ClusterUnavailableError,
    Document,
)
from hingecraft_operator.cluster.events import Event, Recorder
from hingecraft_operator.custom_resource.spec import API_VERSION, KIND
from hingecraft_operator.custom_resource.status import LatencyReport, State
from hingecraft_operator.status import conditions
from hingecraft_operator.status.builder import build_status
from hingecraft_operator.status.observed import Observed, Verdict

log = logging.getLogger(__name__)

_WRITE_INTERVAL = 5.0
_DEBOUNCE = 0.02
_FIRST_RETRY = 1.0
_LONGEST_RETRY = 60.0
_REFRESH_INTERVAL = 1.0
# In seconds. Until a new leader has observed something itself, it keeps the last leader's status.
_ADOPTION_GRACE = 3.0


class StatusWriter:
    """Writes the status of one resource, and Events for what changed in it."""

    def __init__(
        self,
        cluster: Cluster,
        observed: Observed,
        recorder: Recorder,
        *,
        refresh: Callable[[], Awaitable[None]],
        show: Callable[[Mapping[str, State]], None],
        edited: Callable[[], None],
    ) -> None:
        self._cluster = cluster
        self._observed = observed
        self._recorder = recorder
        self._refresh = refresh
        self._show = show
        self._edited = edited
        self._woken = asyncio.Event()
        self._resource: Document | None = None
        # The resource version that the last write made, and those that were reported during a write.
        self._written_as: str | None = None
        self._undecided: list[str | None] = []
        self._writing = False
        self._before: dict[str, Verdict] = {}
        self._since: dict[str, datetime] = {}
        self._written: dict[str, Any] = {}
        self._written_at = float("-inf")
        self._refreshed_at = float("-inf")
        self._refreshed_for: int | None = None
        self._served: int | None = None
        self._adopted_at = float("-inf")
        # Whether another leader has left a status.
        self._inherited = False
        self._retry_after = _FIRST_RETRY
        self._last_error = ""

    def wake(self) -> None:
        """Something changed: write the status soon."""
        self._woken.set()

    def reported(self, resource_version: str | None) -> None:
        """The watch reported this; calls `edited` unless a write made it. During a write, that is decided after it."""
        self._undecided.append(resource_version)
        if not self._writing:
            self._decide()

    def _decide(self) -> None:
        foreign = [each for each in self._undecided if each is None or each != self._written_as]
        self._undecided.clear()
        if foreign:
            self._edited()

    def adopt(self, resource: Document) -> None:
        """Take over the resource with its present status, which stays until something else is observed."""
        first = self._resource is None
        self._resource = resource
        # Compare with the stored status, not with what was written last: it may have been edited since.
        self._written = resource.get("status") or {}
        if first:
            self._adopted_at = time.monotonic()
            latency = (resource.get("status") or {}).get("latency")
            self._observed.previous_latency = LatencyReport.model_validate(latency) if latency else None
            for condition in (resource.get("status") or {}).get("conditions") or []:
                verdict = Verdict(condition["status"], condition["reason"], condition["message"])
                self._before[condition["type"]] = verdict
                self._since[condition["type"]] = datetime.fromisoformat(condition["lastTransitionTime"])
            self._inherited = bool(self._before)
        self.wake()

    async def run(self) -> None:
        """Write the status until cancelled."""
        pause: float | None = None
        while True:
            await self._wait(pause)
            pause = await self._write_if_due()

    async def _wait(self, pause: float | None) -> None:
        try:
            async with asyncio.timeout(pause):
                await self._woken.wait()
        except TimeoutError:
            return
        await asyncio.sleep(_DEBOUNCE)
        self._woken.clear()

    async def _write_if_due(self) -> float | None:
        """Write the status if it changed; returns after how many seconds to check again, if at all."""
        if self._resource is None:
            return None
        seen_by = self._adopted_at + _ADOPTION_GRACE - time.monotonic()
        if seen_by > 0 and (self._observed.unseen or (self._inherited and self._observed.pushing)):
            return seen_by
        due = self._written_at + _WRITE_INTERVAL - time.monotonic()
        await self._refresh_if_due(urgent=due <= 0)
        verdicts = conditions.verdicts(self._observed, self._before, time.monotonic())
        moved = [name for name, verdict in verdicts.items() if verdict[:2] != self._before.get(name, ("", ""))[:2]]
        if not moved and due > 0:
            return due
        self._update_transition_times(verdicts)
        status = build_status(self._observed, verdicts, self._since)
        if status != self._written and not await self._write(status):
            return self._next_retry()
        before, self._before = self._before, verdicts
        self._show({name: verdict.state for name, verdict in verdicts.items()})
        for name in moved:
            await self._record_condition(name, verdicts[name], before.get(name))
        if verdicts["FanoutComplete"].reason == "Complete":
            await self._record_version_served()
        return conditions.GRACE_PERIOD if self._observed.lagging else None

    async def _refresh_if_due(self, *, urgent: bool) -> None:
        """At most once a second, but always for a new version."""
        version, now = self._observed.version, time.monotonic()
        if urgent or version != self._refreshed_for or now - self._refreshed_at >= _REFRESH_INTERVAL:
            await self._refresh()
            self._refreshed_for, self._refreshed_at = version, now

    def _update_transition_times(self, verdicts: dict[str, Verdict]) -> None:
        now = datetime.now(UTC)
        for name, verdict in verdicts.items():
            before = self._before.get(name)
            if before is None or before.state != verdict.state or name not in self._since:
                self._since[name] = now

    def _next_retry(self) -> float:
        """Exponential backoff: a status that is rejected once will be rejected for a while."""
        pause = self._retry_after
        self._retry_after = min(pause * 2, _LONGEST_RETRY)
        return pause

    async def _write(self, status: dict[str, Any]) -> bool:
        assert self._resource is not None
        metadata = self._resource["metadata"]
        document = {
            "apiVersion": API_VERSION,
            "kind": KIND,
            # With the uid, the status of a deleted resource cannot be written to a new one with its name.
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"], "uid": metadata["uid"]},
            "status": status,
        }
        self._writing = True
        try:
            applied = await self._cluster.apply(PAYMENT_ROUTES, document, sub="status")
            self._written_as = applied["metadata"]["resourceVersion"]
        except (ClusterUnavailableError, ClusterRejectedError) as error:
            await self._log_failure(error)
            return False
        finally:
            self._writing = False
            self._decide()
        self._written, self._written_at = status, time.monotonic()
        self._retry_after, self._last_error = _FIRST_RETRY, ""
        return True

    async def _log_failure(self, error: ClusterUnavailableError | ClusterRejectedError) -> None:
        """Log each error once, and record an Event, since the status cannot show it."""
        if str(error) == self._last_error:
            return
        assert self._resource is not None
        self._last_error = str(error)
        metadata = self._resource["metadata"]
        log.warning("writing the status of %s/%s failed: %s", metadata["namespace"], metadata["name"], error)
        if isinstance(error, ClusterRejectedError):
            ready = (
                self._observed.database_problem.message if self._observed.database_problem else "see the operator's log"
            )
            note = f"the status cannot be written ({error}); it would say: {ready}"
            await self._recorder.record(self._resource, Event("StatusRefused", note, warning=True))

    async def _record_condition(self, name: str, verdict: Verdict, before: Verdict | None) -> None:
        """Record an Event for a changed condition; not for Ready, which only sums up the others."""
        assert self._resource is not None
        if name == "Ready" or (before is None and verdict.state == "Unknown"):
            return
        warning = verdict.state == "False"
        await self._recorder.record(self._resource, Event(verdict.reason, verdict.message, warning=warning))

    async def _record_version_served(self) -> None:
        """Record one Event for the newest version that every pod serves; versions in between get none."""
        assert self._resource is not None
        observed = self._observed
        if observed.version == self._served:
            return
        self._served = observed.version
        took = f", {round(observed.latencies[-1] * 1000)} ms after the change" if observed.latencies else ""
        note = f"version {observed.version} is served by {len(observed.pod_names)} pods{took}"
        await self._recorder.record(self._resource, Event("VersionServed", note))
