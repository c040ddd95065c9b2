"""The controller: one reconciler for each resource. Lists find what a watch missed, so a lost event costs seconds."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Iterator, Mapping

from hingecraft.process import run_forever
from hingecraft_operator.cluster.client import PAYMENT_ROUTES, ClusterRejectedError, ClusterUnavailableError, Document
from hingecraft_operator.context import Context
from hingecraft_operator.controller.handlers import Revision
from hingecraft_operator.controller.kopf_watch import ScopeWatch
from hingecraft_operator.controller.reconciler import Reconciler
from hingecraft_operator.cronjob.manifest import label_value

log = logging.getLogger(__name__)

_LIST_EVERY = 15.0
_FIRST_RETRY = 1.0
# In seconds. If the watch has not reported a change by then that a list found, it missed it.
_WATCH_REPORTS_WITHIN = 5.0

Key = tuple[str, str]


class Controller:
    """Runs the reconcilers of all resources while this replica leads."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._reconcilers: dict[Key, Reconciler] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._stopping = False
        # The generation of each resource that the watch last reported.
        self._reported: dict[Key, int | None] = {}
        restarts = context.metrics.watch_restarts
        self._scopes = [
            Scope(self, scope, ScopeWatch(context.cluster, scope, self, lambda _why: restarts.inc()))
            for scope in context.settings.scopes
        ]

    def resource_changed(self, namespace: str, name: str, revision: Revision) -> None:
        """Called in kopf's thread."""

        def here() -> None:
            self._reported[namespace, name] = revision.generation
            reconciler = self._reconcilers.get((namespace, name))
            if reconciler is None:
                self.enqueue(namespace, name)
            else:
                reconciler.report(revision)

        self._loop.call_soon_threadsafe(here)

    def resource_deleted(self, namespace: str, name: str, uid: str) -> None:
        """Called in kopf's thread."""

        def here() -> None:
            self._reported.pop((namespace, name), None)
            reconciler = self._reconcilers.get((namespace, name))
            if reconciler is not None:
                reconciler.mark_deleted(uid)

        self._loop.call_soon_threadsafe(here)

    def pods_changed(self, namespace: str, service: str) -> None:
        """Called in kopf's thread."""
        self._loop.call_soon_threadsafe(self._enqueue_for_service, namespace, service)

    def reconciliation_changed(self, namespace: str, label: str) -> None:
        """Called in kopf's thread."""
        self._loop.call_soon_threadsafe(self._enqueue_for_label, namespace, label)

    def enqueue(self, namespace: str, name: str) -> None:
        """Reconcile the resource soon: it was created, changed or deleted, or may have been."""
        if self._stopping:
            return
        key = (namespace, name)
        reconciler = self._reconcilers.get(key)
        if reconciler is None:
            reconciler = self._reconcilers[key] = Reconciler(self._context, namespace, name)
            task = self._tasks[key] = asyncio.create_task(reconciler.run(), name=f"reconcile {namespace}/{name}")
            task.add_done_callback(lambda ended: self._finished(key, ended))
        reconciler.trigger()
        self.update_metrics()

    @property
    def progress(self) -> Mapping[str, float]:
        """When each list, watch, reconciler and engine last made progress (monotonic time)."""
        parts: dict[str, float] = {}
        for scope in self._scopes:
            where = scope.name or "the cluster"
            parts[f"the list of {where}"] = scope.listed_at
            parts[f"the watch of {where}"] = scope.watch.progress_at
        for (namespace, name), reconciler in self._reconcilers.items():
            parts[f"the reconciler of {namespace}/{name}"] = reconciler.progress_at
            if reconciler.engine_progress_at is not None:
                parts[f"the engine of {namespace}/{name}"] = reconciler.engine_progress_at
        return parts

    async def run(self) -> None:
        """List and watch each scope until cancelled; then everything ends at once."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._stop_reconcilers_at_end())
            for scope in self._scopes:
                where = scope.name or "the cluster"
                tasks.create_task(run_forever(f"listing {where}", scope.list_periodically))
                tasks.create_task(run_forever(f"watching {where}", scope.watch.run))

    async def _stop_reconcilers_at_end(self) -> None:
        """Wait until cancelled, then stop all reconcilers. A watch that reports later starts none."""
        try:
            await asyncio.Event().wait()
        finally:
            self._stopping = True
            working = list(self._tasks.values())
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)

    def enqueue_changed(self, scope: str | None, listed: Mapping[Key, Document], since: float) -> list[Key]:
        """Enqueue resources that differ from what is known; returns those that the watch should report too."""
        for key in [key for key in self._reconcilers if scope in {None, key[0]} and key not in listed]:
            self._reconcilers[key].mark_absent(since)
        changed = [
            key
            for key, metadata in listed.items()
            if key not in self._reconcilers or self._reconcilers[key].generation != metadata.get("generation")
        ]
        for key in changed:
            self.enqueue(*key)
        return changed

    def has_reported(self, key: Key, generation: int | None) -> bool:
        """Whether the watch has reported this generation of the resource or a later one."""
        reported = self._reported.get(key)
        return key not in self._reconcilers or (reported is not None and reported >= (generation or 0))

    def update_metrics(self) -> None:
        """Set the gauges of resources and of the queue."""
        self._context.metrics.resources.set(len(self._reconcilers))
        self._context.metrics.queue.set(sum(reconciler.pending for reconciler in self._reconcilers.values()))

    async def list_resources(self, scope: str | None) -> Mapping[Key, Document]:
        """The metadata of each resource in the scope."""
        found = await self._context.cluster.list(PAYMENT_ROUTES, scope)
        described = [item["metadata"] for item in found]
        return {(each["namespace"], each["name"]): each for each in described}

    def _enqueue_for_service(self, namespace: str, service: str) -> None:
        for reconciler in self._in_namespace(namespace):
            if reconciler.spec is not None and reconciler.spec.api.service.name == service:
                reconciler.trigger()

    def _enqueue_for_label(self, namespace: str, label: str) -> None:
        for reconciler in self._in_namespace(namespace):
            if label_value(reconciler.name) == label:
                reconciler.trigger()

    def _in_namespace(self, namespace: str) -> Iterator[Reconciler]:
        return (reconciler for (where, _), reconciler in list(self._reconcilers.items()) if where == namespace)

    def _finished(self, key: Key, ended: asyncio.Task[None]) -> None:
        """If the resource was created again while its reconciler stopped, a new reconciler starts."""
        reconciler = self._reconcilers.pop(key)
        del self._tasks[key]
        self.update_metrics()
        if ended.cancelled():
            return
        if ended.exception() is not None:
            log.error("the reconciler of %s/%s failed", *key, exc_info=ended.exception())
        if reconciler.pending:
            self.enqueue(*key)


class Scope:
    """One namespace of WATCH_NAMESPACES, or the whole cluster. Errors in one scope do not affect the others."""

    def __init__(self, controller: Controller, name: str | None, watch: ScopeWatch) -> None:
        self.name = name
        self.watch = watch
        self.listed_at = time.monotonic()
        self._controller = controller
        self._problem = ""

    async def list_periodically(self) -> None:
        """Find what the watch missed (new, changed and deleted resources) until cancelled."""
        retry = _FIRST_RETRY
        while True:
            done = await self._list()
            pause = _LIST_EVERY if done else retry
            retry = _FIRST_RETRY if done else min(retry * 2, _LIST_EVERY)
            await asyncio.sleep(pause * random.uniform(0.9, 1.1))  # noqa: S311 - jitter, not a secret

    async def _list(self) -> bool:
        since = self.listed_at = time.monotonic()
        self._controller.update_metrics()
        try:
            listed = await self._controller.list_resources(self.name)
        except (ClusterUnavailableError, ClusterRejectedError) as error:
            self._log_problem(f"PaymentRoutes cannot be listed (is crds/paymentroutes.yaml applied?): {error}")
            if isinstance(error, ClusterRejectedError):
                # kopf gives up on a watch that is rejected, and may hang while it stops.
                self.watch.restart("the resources cannot be listed")
            return False
        self._log_problem("")
        missed = {
            key: listed[key].get("generation") for key in self._controller.enqueue_changed(self.name, listed, since)
        }
        if missed:
            asyncio.get_running_loop().call_later(_WATCH_REPORTS_WITHIN, self._check_watch, missed)
        return True

    def _check_watch(self, missed: Mapping[Key, int | None]) -> None:
        """The watch reports changes within milliseconds. Restart it if it has not reported these by now."""
        if not all(self._controller.has_reported(key, generation) for key, generation in missed.items()):
            self.watch.restart("a list found a change that it did not report")

    def _log_problem(self, problem: str) -> None:
        """Log each problem once, and when it is over."""
        where = self.name or "the cluster"
        if problem and problem != self._problem:
            log.warning("%s: %s", where, problem)
        elif self._problem and not problem:
            log.info("%s: PaymentRoutes can be listed again", where)
        self._problem = problem
