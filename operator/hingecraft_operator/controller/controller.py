"""All keepers: one for each resource, found by watching and by listing, so that a lost event costs seconds."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Iterator, Mapping

from hingecraft.process import outlive
from hingecraft_operator.cluster.client import PAYMENT_ROUTES, ClusterRefusedError, ClusterUnavailableError, Document
from hingecraft_operator.context import Surroundings
from hingecraft_operator.controller.kopf_watch import ScopeWatch
from hingecraft_operator.controller.reconciler import Keeper
from hingecraft_operator.cronjob import manifest as cronjob

log = logging.getLogger(__name__)

_LIST_EVERY = 15.0
_FIRST_RETRY = 1.0
# What a list has found and the watch has not reported by then, the watch has missed.
_WATCH_REPORTS_WITHIN = 5.0

Key = tuple[str, str]


class Fleet:
    """While this replica leads."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings
        self._loop = asyncio.get_running_loop()
        self._keepers: dict[Key, Keeper] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        # The generation of each resource that a watch has reported.
        self._reported: dict[Key, int | None] = {}
        restarts = surroundings.metrics.watch_restarts
        self._scopes = [
            Scope(self, scope, ScopeWatch(surroundings.cluster, scope, self, lambda _why: restarts.inc()))
            for scope in surroundings.settings.scopes
        ]

    def resource_changed(self, namespace: str, name: str, generation: int | None) -> None:
        """By a watch."""

        def here() -> None:
            self._reported[namespace, name] = generation
            self.notice(namespace, name)

        self._loop.call_soon_threadsafe(here)

    def resource_deleted(self, namespace: str, name: str, uid: str) -> None:
        """By a watch."""

        def here() -> None:
            self._reported.pop((namespace, name), None)
            keeper = self._keepers.get((namespace, name))
            if keeper is not None:
                keeper.deleted(uid)

        self._loop.call_soon_threadsafe(here)

    def pods_changed(self, namespace: str, service: str) -> None:
        """By a watch."""
        self._loop.call_soon_threadsafe(self._notice_service, namespace, service)

    def reconciliation_changed(self, namespace: str, label: str) -> None:
        """By a watch."""
        self._loop.call_soon_threadsafe(self._notice_label, namespace, label)

    def notice(self, namespace: str, name: str) -> None:
        """A resource was made, changed or deleted, or may have been."""
        key = (namespace, name)
        keeper = self._keepers.get(key)
        if keeper is None:
            keeper = self._keepers[key] = Keeper(self._around, namespace, name)
            task = self._tasks[key] = asyncio.create_task(keeper.run(), name=f"keep {namespace}/{name}")
            task.add_done_callback(lambda ended: self._forget(key, ended))
        keeper.notice()
        self.count()

    @property
    def progress(self) -> Mapping[str, float]:
        """When each part was last seen to work: lists, watches, keepers and engines."""
        parts: dict[str, float] = {}
        for scope in self._scopes:
            where = scope.name or "the cluster"
            parts[f"the list of {where}"] = scope.listed_at
            parts[f"the watch of {where}"] = scope.watch.progress_at
        for (namespace, name), keeper in self._keepers.items():
            parts[f"the keeper of {namespace}/{name}"] = keeper.progress_at
            if keeper.engine_progress_at is not None:
                parts[f"the engine of {namespace}/{name}"] = keeper.engine_progress_at
        return parts

    async def run(self) -> None:
        """List and watch each scope until cancelled; what is under way then is left as it is."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for scope in self._scopes:
                    where = scope.name or "the cluster"
                    tasks.create_task(outlive(f"listing {where}", scope.list_always))
                    tasks.create_task(outlive(f"watching {where}", scope.watch.run))
        finally:
            working = list(self._tasks.values())
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)

    def compare(self, scope: str | None, listed: Mapping[Key, Document], since: float) -> list[Key]:
        """Notice what differs from what is known; answers what a watch should have reported by now, or soon."""
        for key in [key for key in self._keepers if scope in {None, key[0]} and key not in listed]:
            self._keepers[key].absent(since)
        changed = [
            key
            for key, metadata in listed.items()
            if key not in self._keepers or self._keepers[key].generation != metadata.get("generation")
        ]
        for key in changed:
            self.notice(*key)
        return changed

    def has_reported(self, key: Key, generation: int | None) -> bool:
        """Whether a watch has told of the resource as it was listed, or as it was later."""
        reported = self._reported.get(key)
        return key not in self._keepers or (reported is not None and reported >= (generation or 0))

    def count(self) -> None:
        """For the metrics."""
        self._around.metrics.resources.set(len(self._keepers))
        self._around.metrics.waiting.set(sum(keeper.waits for keeper in self._keepers.values()))

    async def list(self, scope: str | None) -> Mapping[Key, Document]:
        """The metadata of each resource."""
        found = await self._around.cluster.list(PAYMENT_ROUTES, scope)
        described = [item["metadata"] for item in found]
        return {(each["namespace"], each["name"]): each for each in described}

    def _notice_service(self, namespace: str, service: str) -> None:
        for keeper in self._of(namespace):
            if keeper.spec is not None and keeper.spec.api.service.name == service:
                keeper.notice()

    def _notice_label(self, namespace: str, label: str) -> None:
        for keeper in self._of(namespace):
            if cronjob.label_of(keeper.name) == label:
                keeper.notice()

    def _of(self, namespace: str) -> Iterator[Keeper]:
        return (keeper for (where, _), keeper in list(self._keepers.items()) if where == namespace)

    def _forget(self, key: Key, ended: asyncio.Task[None]) -> None:
        """A resource that was made again under the name while its keeper left is a new one."""
        keeper = self._keepers.pop(key)
        del self._tasks[key]
        self.count()
        if ended.cancelled():
            return
        if ended.exception() is not None:
            log.error("the keeper of %s/%s has failed", *key, exc_info=ended.exception())
        if keeper.waits:
            self.notice(*key)


class Scope:
    """One namespace of WATCH_NAMESPACES, or the whole cluster: what is wrong with it concerns no other."""

    def __init__(self, fleet: Fleet, name: str | None, watch: ScopeWatch) -> None:
        self.name = name
        self.watch = watch
        self.listed_at = time.monotonic()
        self._fleet = fleet
        self._trouble = ""

    async def list_always(self) -> None:
        """Find what the watch has missed: new resources, deleted ones, edits. Until cancelled."""
        retry = _FIRST_RETRY
        while True:
            done = await self._list()
            pause = _LIST_EVERY if done else retry
            retry = _FIRST_RETRY if done else min(retry * 2, _LIST_EVERY)
            await asyncio.sleep(pause * random.uniform(0.9, 1.1))  # noqa: S311 - jitter, not a secret

    async def _list(self) -> bool:
        since = self.listed_at = time.monotonic()
        self._fleet.count()
        try:
            listed = await self._fleet.list(self.name)
        except (ClusterUnavailableError, ClusterRefusedError) as error:
            self._say(f"PaymentRoutes cannot be listed (is crds/paymentroutes.yaml applied?): {error}")
            if isinstance(error, ClusterRefusedError):
                # kopf gives up on a watch that is refused, and may hang while it ends.
                self.watch.is_stale("its resources may not be listed")
            return False
        self._say("")
        missed = {key: listed[key].get("generation") for key in self._fleet.compare(self.name, listed, since)}
        if missed:
            asyncio.get_running_loop().call_later(_WATCH_REPORTS_WITHIN, self._judge, missed)
        return True

    def _judge(self, missed: Mapping[Key, int | None]) -> None:
        """The watch tells what it sees within milliseconds: what it has not told by now it does not see."""
        if not all(self._fleet.has_reported(key, generation) for key, generation in missed.items()):
            self.watch.is_stale("a change was found that it did not report")

    def _say(self, trouble: str) -> None:
        """Each trouble once, and that it is over."""
        where = self.name or "the cluster"
        if trouble and trouble != self._trouble:
            log.warning("%s: %s", where, trouble)
        elif self._trouble and not trouble:
            log.info("%s: PaymentRoutes can be listed again", where)
        self._trouble = trouble
