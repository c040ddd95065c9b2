"""Keeps one resource: looks at it when told, when something should be tried again, and every half minute anyway.

A look is level-triggered: it reads everything anew and makes it so, whatever happened before. Doing it twice does
nothing more.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections.abc import Mapping
from contextlib import suppress

from pydantic import ValidationError

from hingecraft.process import outlive
from hingecraft_operator.cluster.client import PAYMENT_ROUTES, ClusterRefusedError, ClusterUnavailableError, Document
from hingecraft_operator.cluster.events import Recorder
from hingecraft_operator.context import Surroundings
from hingecraft_operator.controller.database_reconciler import Tenancy
from hingecraft_operator.custom_resource.spec import Spec
from hingecraft_operator.custom_resource.status import State
from hingecraft_operator.status.observed import Observed, Verdict
from hingecraft_operator.status.writer import Reporter

log = logging.getLogger(__name__)

_RESYNC = 30.0
_FIRST_RETRY = 0.5
_LONGEST_RETRY = 10.0
_TOGETHER = 0.02
# Every call in it has a limit of its own; should one not keep to it, the resource is not lost for good.
_LOOK_AT_MOST = 60.0
# For so long the API server may refuse to show the resource before its engine stops: it may be gone.
FORBIDDEN_FOR = 120.0


class Keeper:
    """Of one resource, by its name: a resource that is deleted and made again is another one."""

    def __init__(self, surroundings: Surroundings, namespace: str, name: str) -> None:
        self._around = surroundings
        self.namespace = namespace
        self.name = name
        self.spec: Spec | None = None
        self.progress_at = self._made_at = time.monotonic()
        self._uid: str | None = None
        # The uid under which a watch or a list has seen it go; its own GET may be forbidden by now.
        self._deleted: str | None = None
        self._refused_since: float | None = None
        self._noticed = asyncio.Event()
        self._begin()

    def _begin(self) -> None:
        self._observed = Observed()
        recorder = Recorder(self._around.cluster, self._around.settings.operator_name)
        self._reporter = Reporter(
            self._around.cluster,
            self._observed,
            recorder,
            refresh=self._refresh,
            show=self._show,
        )
        self._tenancy = Tenancy(
            self._around, self.namespace, self.name, self._observed, recorder, self._reporter.changed
        )
        self._reporting: asyncio.Task[None] | None = None

    def notice(self) -> None:
        """Something about it may have changed."""
        self._noticed.set()

    def deleted(self, uid: str) -> None:
        """A watch has seen it go."""
        self._deleted = uid
        self.notice()

    def absent(self, since: float) -> None:
        """A list that began then does not have it."""
        if self._made_at < since and self._uid is not None:
            self.deleted(self._uid)

    @property
    def engine_progress_at(self) -> float | None:
        """When its engine was last seen to work; None where none runs."""
        return self._tenancy.engine_progress_at

    @property
    def generation(self) -> int | None:
        """The generation that it has last looked at."""
        return self._observed.generation

    @property
    def waits(self) -> bool:
        """Whether it is to be looked at."""
        return self._noticed.is_set()

    async def run(self) -> None:
        """Until the resource is gone."""
        retry = _FIRST_RETRY
        try:
            while True:
                self._noticed.clear()
                started = self.progress_at = time.monotonic()
                result = await self._look_safely()
                self.progress_at = time.monotonic()
                self._around.metrics.looks.labels(result).inc()
                self._around.metrics.look_seconds.observe(time.monotonic() - started)
                if result == "gone":
                    return
                retry = min(retry * 2, _LONGEST_RETRY) if result != "done" else _FIRST_RETRY
                await self._pause(retry if result != "done" else _RESYNC)
        finally:
            await self._leave()

    async def _pause(self, length: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(length * random.uniform(0.9, 1.1)):  # noqa: S311 - jitter, not a secret
                await self._noticed.wait()
                await asyncio.sleep(_TOGETHER)

    async def _look_safely(self) -> str:
        """How the look ended, for who counts; a surprise in one resource is none of the others' business."""
        try:
            async with asyncio.timeout(_LOOK_AT_MOST):
                return await self._look()
        except ClusterUnavailableError as error:
            log.warning("%s/%s is looked at again soon: %s", self.namespace, self.name, error)
        except ClusterRefusedError as error:
            log.warning("%s/%s is looked at again soon: %s", self.namespace, self.name, error)
            self._observed.trouble = Verdict("False", "KubernetesRefused", str(error))
            await self._stop_if_hidden()
        except Exception as error:
            log.exception("%s/%s could not be looked at", self.namespace, self.name)
            self._observed.trouble = Verdict(
                "False", "InternalError", f"{type(error).__name__}: see the operator's log"
            )
        self._reporter.changed()
        return "failed"

    async def _look(self) -> str:
        resource = await self._read()
        uid = resource["metadata"]["uid"] if resource and not resource["metadata"].get("deletionTimestamp") else None
        if self._uid is not None and uid != self._uid:
            await self._tenancy.give_up(self._uid)
            await self._leave()
            self._begin()
        self._uid = uid
        if resource is None or uid is None:
            return "gone"
        return await self._serve(resource)

    async def _read(self) -> Document | None:
        """The resource; None where it is gone, also where only a watch or a list could tell."""
        try:
            found = await self._around.cluster.get(PAYMENT_ROUTES, self.namespace, self.name)
        except ClusterRefusedError:
            if self._deleted is not None and self._deleted == self._uid:
                return None
            if self._refused_since is None:
                self._refused_since = time.monotonic()
            raise
        self._deleted = self._refused_since = None
        return found

    async def _stop_if_hidden(self) -> None:
        """The claim on the database stays: the resource may still be there."""
        since = self._refused_since
        if since is not None and time.monotonic() - since >= FORBIDDEN_FOR and self._observed.running:
            log.error(
                "%s/%s could not be read for %d s: its engine stops until it can be read again",
                self.namespace, self.name, FORBIDDEN_FOR,
            )  # fmt: skip
            await self._tenancy.leave()

    async def _serve(self, resource: Document) -> str:
        self._reporter.adopt(resource)
        if self._reporting is None:
            self._reporting = asyncio.create_task(outlive("reporting", self._reporter.run))
        generation = resource["metadata"].get("generation")
        try:
            self.spec = Spec.model_validate(resource["spec"])
        except (ValidationError, ValueError) as error:
            self._observed.trouble = Verdict("False", "SpecInvalid", _first(error))
            self._observed.generation = generation
            self._reporter.changed()
            return "invalid"
        done = await self._tenancy.settle(resource, self.spec)
        self._observed.generation = generation
        self._reporter.changed()
        return "done" if done else "troubled"

    async def _refresh(self) -> None:
        await self._tenancy.refresh()

    def _show(self, states: Mapping[str, State]) -> None:
        self._around.metrics.show(self.namespace, self.name, states)

    async def _leave(self) -> None:
        """Stop, and touch nothing."""
        if self._reporting is not None:
            self._reporting.cancel()
            with suppress(asyncio.CancelledError):
                await self._reporting
        await self._tenancy.leave()
        self._around.metrics.forget(self.namespace, self.name)


def _first(error: ValueError) -> str:
    """One sentence on what is wrong with the spec."""
    if isinstance(error, ValidationError):
        problem = error.errors(include_url=False, include_input=False)[0]
        said = problem["msg"].removeprefix("Value error, ")
        return f"spec.{'.'.join(str(part) for part in problem['loc'])}: {said}"
    return str(error)
