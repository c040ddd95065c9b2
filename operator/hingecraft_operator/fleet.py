"""All keepers: one for each resource, found by watching and by listing, so that a lost event costs seconds."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator

from hingecraft_operator import cronjob
from hingecraft_operator.cluster import PAYMENT_ROUTES, ClusterRefusedError, ClusterUnavailableError
from hingecraft_operator.keeper import Keeper
from hingecraft_operator.surroundings import Surroundings

log = logging.getLogger(__name__)

_LIST_EVERY = 15.0
_LIST_AGAIN_AFTER = 1.0


class Fleet:
    """While this replica leads."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings
        self._keepers: dict[tuple[str, str], Keeper] = {}
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self.progress_at = time.monotonic()

    def notice(self, namespace: str, name: str) -> None:
        """A resource was made, changed or deleted, or may have been."""
        key = (namespace, name)
        keeper = self._keepers.get(key)
        if keeper is None:
            keeper = self._keepers[key] = Keeper(self._around, namespace, name)
            task = self._tasks[key] = asyncio.create_task(keeper.run(), name=f"keep {namespace}/{name}")
            task.add_done_callback(lambda ended: self._forget(key, ended))
        keeper.notice()
        self._count()

    def notice_service(self, namespace: str, service: str) -> None:
        """Where the pods of a Service are has changed."""
        for keeper in self._of(namespace):
            if keeper.spec is not None and keeper.spec.api.service.name == service:
                keeper.notice()

    def notice_label(self, namespace: str, label: str) -> None:
        """A CronJob or a Job of a resource has changed."""
        for keeper in self._of(namespace):
            if cronjob.label_of(keeper.name) == label:
                keeper.notice()

    async def run(self) -> None:
        """List until cancelled; what is under way then is left as it is."""
        try:
            while True:
                pause = _LIST_EVERY if await self._list() else _LIST_AGAIN_AFTER
                await asyncio.sleep(pause)
        finally:
            working = list(self._tasks.values())
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)

    async def _list(self) -> bool:
        """Find what a watch has missed: new resources, deleted ones, edits."""
        self._count()
        return all([await self._list_scope(scope) for scope in self._around.settings.scopes])

    async def _list_scope(self, scope: str | None) -> bool:
        """A namespace that cannot be listed is none of the others' business."""
        self.progress_at = time.monotonic()
        try:
            found = await self._around.cluster.list(PAYMENT_ROUTES, scope)
        except (ClusterUnavailableError, ClusterRefusedError) as error:
            where = "" if scope is None else f" in {scope}"
            log.warning("PaymentRoutes%s cannot be listed (is crds/paymentroutes.yaml applied?): %s", where, error)
            return False
        described = [item["metadata"] for item in found]
        there = {(each["namespace"], each["name"]): each.get("generation") for each in described}
        known = {key for key in self._keepers if scope in {None, key[0]}}
        for key in there.keys() | known:
            keeper = self._keepers.get(key)
            if keeper is None or keeper.generation != there.get(key):
                self.notice(*key)
        return True

    def _of(self, namespace: str) -> Iterator[Keeper]:
        return (keeper for (where, _), keeper in list(self._keepers.items()) if where == namespace)

    def _forget(self, key: tuple[str, str], ended: asyncio.Task[None]) -> None:
        """A resource that was made again under the name while its keeper left is a new one."""
        keeper = self._keepers.pop(key)
        del self._tasks[key]
        self._count()
        if ended.cancelled():
            return
        if ended.exception() is not None:
            log.error("the keeper of %s/%s has failed", *key, exc_info=ended.exception())
        if keeper.waits:
            self.notice(*key)

    def _count(self) -> None:
        self._around.metrics.resources.set(len(self._keepers))
        self._around.metrics.waiting.set(sum(keeper.waits for keeper in self._keepers.values()))
