"""The reconciler of one resource: runs when triggered, when a failure is due for a retry, and every 30 seconds.

A reconciliation is level-triggered: it reads the current state and makes the world match it, whatever happened before.
Running it twice changes nothing more.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Mapping
from contextlib import suppress

from pydantic import ValidationError

from hingecraft.process import cancel, run_forever
from hingecraft_operator.cluster.client import PAYMENT_ROUTES, ClusterRejectedError, ClusterUnavailableError, Document
from hingecraft_operator.cluster.events import Recorder
from hingecraft_operator.context import Context
from hingecraft_operator.controller.database_reconciler import DatabaseReconciler
from hingecraft_operator.controller.handlers import Revision
from hingecraft_operator.custom_resource.spec import Spec
from hingecraft_operator.custom_resource.status import State
from hingecraft_operator.status.observed import Observed, Verdict
from hingecraft_operator.status.writer import StatusWriter

log = logging.getLogger(__name__)

_RESYNC = 30.0
_FIRST_RETRY = 0.5
_LONGEST_RETRY = 10.0
# In seconds, between two reconciliations: changes that come together are reconciled at once, not one by one.
_SHORTEST_PAUSE = 0.02
# A safety net: every call has its own time limit.
_TIMEOUT = 60.0
# In seconds. If the resource cannot be read for this long, its engine stops: it may have been deleted.
FORBIDDEN_FOR = 120.0


class Reconciler:
    """Reconciles one resource, by name. A resource that is deleted and created again gets a fresh state."""

    def __init__(self, context: Context, namespace: str, name: str) -> None:
        self._context = context
        self.namespace = namespace
        self.name = name
        self.spec: Spec | None = None
        self.progress_at = self._made_at = time.monotonic()
        self._uid: str | None = None
        # The uid that a watch or a list reported as deleted; a GET of the resource may be forbidden by now.
        self._deleted: str | None = None
        self._forbidden_since: float | None = None
        self._triggered = asyncio.Event()
        self._reset()

    def _reset(self) -> None:
        self._observed = Observed()
        recorder = Recorder(self._context.cluster, self._context.settings.operator_name)
        self._status_writer = StatusWriter(
            self._context.cluster,
            self._observed,
            recorder,
            refresh=self._refresh,
            show=self._show_conditions,
            edited=self.trigger,
        )
        self._database = DatabaseReconciler(
            self._context, self.namespace, self.name, self._observed, recorder, self._status_writer.wake
        )
        self._writing: asyncio.Task[None] | None = None

    def trigger(self) -> None:
        """Reconcile soon: something about the resource may have changed."""
        self._triggered.set()

    def mark_deleted(self, uid: str) -> None:
        """A watch reported that the resource with this uid was deleted."""
        self._deleted = uid
        self.trigger()

    def mark_absent(self, since: float) -> None:
        """A list that started at `since` does not contain the resource."""
        if self._made_at < since and self._uid is not None:
            self.mark_deleted(self._uid)

    @property
    def engine_progress_at(self) -> float | None:
        """When the engine last made progress; None if none is running."""
        return self._database.engine_progress_at

    @property
    def generation(self) -> int | None:
        """The generation that was last reconciled."""
        return self._observed.generation

    def report(self, revision: Revision) -> None:
        """The watch reported this revision. Reconciles soon, unless its only news is the status written here."""
        if revision.generation == self._observed.generation:
            self._status_writer.reported(revision.resource_version)
        else:
            self.trigger()

    @property
    def pending(self) -> bool:
        """Whether a reconciliation is due."""
        return self._triggered.is_set()

    async def run(self) -> None:
        """Reconcile until the resource is deleted."""
        retry = _FIRST_RETRY
        try:
            while True:
                self._triggered.clear()
                started = self.progress_at = time.monotonic()
                result = await self._reconcile_safely()
                self.progress_at = time.monotonic()
                self._context.metrics.reconciles.labels(result).inc()
                self._context.metrics.reconcile_seconds.observe(time.monotonic() - started)
                if result == "gone":
                    return
                retry = min(retry * 2, _LONGEST_RETRY) if result != "done" else _FIRST_RETRY
                await self._pause(retry if result != "done" else _RESYNC)
        finally:
            await self._stop()

    async def _pause(self, length: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(length * random.uniform(0.9, 1.1)):  # noqa: S311 - jitter, not a secret
                await asyncio.sleep(_SHORTEST_PAUSE)
                await self._triggered.wait()

    async def _reconcile_safely(self) -> str:
        """Returns the result for the metrics; an unexpected error affects only this resource."""
        try:
            async with asyncio.timeout(_TIMEOUT):
                return await self._reconcile()
        except ClusterUnavailableError as error:
            log.warning("reconciling %s/%s failed, will retry: %s", self.namespace, self.name, error)
        except ClusterRejectedError as error:
            log.warning("reconciling %s/%s failed, will retry: %s", self.namespace, self.name, error)
            self._observed.database_problem = Verdict("False", "KubernetesRefused", str(error))
            await self._stop_if_unreadable()
        except Exception as error:
            log.exception("reconciling %s/%s failed", self.namespace, self.name)
            self._observed.database_problem = Verdict(
                "False", "InternalError", f"{type(error).__name__}: see the operator's log"
            )
        self._status_writer.wake()
        return "failed"

    async def _reconcile(self) -> str:
        resource = await self._read()
        uid = resource["metadata"]["uid"] if resource and not resource["metadata"].get("deletionTimestamp") else None
        if self._uid is not None and uid != self._uid:
            await self._database.release_claim(self._uid)
            await self._stop()
            self._reset()
        self._uid = uid
        if resource is None or uid is None:
            return "gone"
        return await self._reconcile_resource(resource)

    async def _read(self) -> Document | None:
        """The resource, or None if it was deleted. If it is forbidden, what a watch or a list reported counts."""
        try:
            found = await self._context.cluster.get(PAYMENT_ROUTES, self.namespace, self.name)
        except ClusterRejectedError:
            if self._deleted is not None and self._deleted == self._uid:
                return None
            if self._forbidden_since is None:
                self._forbidden_since = time.monotonic()
            raise
        self._deleted = self._forbidden_since = None
        return found

    async def _stop_if_unreadable(self) -> None:
        """Stop the engine but keep the claim on the database: the resource may still exist."""
        since = self._forbidden_since
        if since is not None and time.monotonic() - since >= FORBIDDEN_FOR and self._observed.running:
            log.error(
                "%s/%s could not be read for %d s: stopping its engine until it can be read again",
                self.namespace, self.name, FORBIDDEN_FOR,
            )  # fmt: skip
            await self._database.stop()

    async def _reconcile_resource(self, resource: Document) -> str:
        self._status_writer.adopt(resource)
        if self._writing is None:
            self._writing = asyncio.create_task(run_forever("writing the status", self._status_writer.run))
        generation = resource["metadata"].get("generation")
        try:
            self.spec = Spec.model_validate(resource["spec"])
        except (ValidationError, ValueError) as error:
            self._observed.database_problem = Verdict("False", "SpecInvalid", first_problem(error))
            self._observed.generation = generation
            self._status_writer.wake()
            return "invalid"
        done = await self._database.reconcile(resource, self.spec)
        self._observed.generation = generation
        self._status_writer.wake()
        return "done" if done else "troubled"

    async def _refresh(self) -> None:
        await self._database.refresh()

    def _show_conditions(self, states: Mapping[str, State]) -> None:
        self._context.metrics.set_conditions(self.namespace, self.name, states)

    async def _stop(self) -> None:
        """Stop all tasks; leave the resource and its database as they are."""
        if self._writing is not None:
            await cancel(self._writing)
        await self._database.stop()
        self._context.metrics.remove_resource(self.namespace, self.name)


def first_problem(error: ValueError) -> str:
    """The first problem of an invalid spec, as one sentence."""
    if isinstance(error, ValidationError):
        problem = error.errors(include_url=False, include_input=False)[0]
        said = problem["msg"].removeprefix("Value error, ")
        return f"spec.{'.'.join(str(part) for part in problem['loc'])}: {said}"
    return str(error)
