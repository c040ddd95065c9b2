"""kopf, once for each scope, in a thread and an event loop of its own.

kopf cancels every task of its event loop when it ends, gives up for good on a watch that is refused, and may not come
back from its own shutdown (docs/decisions/0024). In a thread it can do none of that to anybody else: it is started only
where the scope can be listed, it is stopped by force when it does not stop, and it is begun again.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import kopf

from hingecraft_operator.cluster.client import Cluster, ClusterRejectedError, ClusterUnavailableError, Kind
from hingecraft_operator.controller import handlers
from hingecraft_operator.controller.handlers import WATCHED, ChangeListener

log = logging.getLogger(__name__)

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 15.0
_LASTS = 60.0
_BEATS_EVERY = 1.0
_STILL_AFTER = 15.0
_STOPS_WITHIN = 2.0


@dataclass(slots=True, eq=False)
class KopfThread:
    """One run of kopf, from `start` until `ended` is set."""

    registry: kopf.OperatorRegistry
    scope: str | None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    beat_at: float = field(default_factory=time.monotonic)
    _stop: threading.Event = field(default_factory=threading.Event)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Watch."""
        owner = asyncio.get_running_loop()
        name = f"kopf {self.scope or 'everywhere'}"
        self._thread = threading.Thread(target=self._run, args=(owner,), name=name, daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Kopf is asked first; then its loop is stopped under it."""
        self._stop.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOPS_WITHIN):
                await self.ended.wait()
        if not self.ended.is_set():
            log.warning("kopf does not stop by itself (%s): its event loop is stopped", self.scope or "everywhere")
            self._loop.call_soon_threadsafe(self._loop.stop)
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOPS_WITHIN):
                    await self.ended.wait()

    def _run(self, owner: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._operate())
        except Exception:
            # Stopped by force, or by a surprise of kopf's: it is begun again.
            log.exception("kopf has failed (%s)", self.scope or "everywhere")
        finally:
            self._close()
            with suppress(RuntimeError):
                owner.call_soon_threadsafe(self.ended.set)

    async def _operate(self) -> None:
        beating = asyncio.create_task(self._beat())
        try:
            await kopf.operator(
                registry=self.registry,
                settings=handlers.kopf_settings(),
                standalone=True,
                stop_flag=self._stop,
                clusterwide=self.scope is None,
                namespaces=[] if self.scope is None else [self.scope],
            )
        finally:
            beating.cancel()

    async def _beat(self) -> None:
        """A loop that is blocked does not beat."""
        while True:
            self.beat_at = time.monotonic()
            await asyncio.sleep(_BEATS_EVERY)

    def _close(self) -> None:
        """Whatever is left is cancelled, once; what does not end then goes with the thread."""
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        with suppress(Exception):
            self._loop.run_until_complete(asyncio.wait_for(asyncio.sleep(0.1), _STOPS_WITHIN))
        with suppress(Exception):
            self._loop.close()


class ScopeWatch:
    """Watches one namespace, or the whole cluster, for as long as it runs."""

    def __init__(
        self,
        cluster: Cluster,
        scope: str | None,
        listener: ChangeListener,
        restarted: Callable[[str], None] = lambda _why: None,
    ) -> None:
        self._cluster = cluster
        self._scope = scope
        self._listener = listener
        self._restarted = restarted
        self._restart = asyncio.Event()
        self._restart_reason = ""
        self._thread: KopfThread | None = None
        self._last_error = ""
        self._progress_at = time.monotonic()

    @property
    def progress_at(self) -> float:
        """When it was last seen to work, or to try to."""
        return self._progress_at

    def restart(self, why: str) -> None:
        """Begin the watch again: a list has found what it should have told, or may not list the scope any more."""
        self._restart_reason = why
        self._restart.set()

    async def run(self) -> None:
        """Until cancelled."""
        pause = _FIRST_PAUSE
        while True:
            await self._wait_until_allowed()
            began = time.monotonic()
            why = await self._watch_once()
            pause = _FIRST_PAUSE if time.monotonic() - began > _LASTS else min(pause * 2, _LONGEST_PAUSE)
            self._restarted(why)
            log.warning("the watch of %s begins again: %s", self._scope or "the cluster", why)
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret

    async def _watch_once(self) -> str:
        """Answers why it has ended."""
        self._restart.clear()
        thread = self._thread = KopfThread(handlers.build_registry(self._listener, self._cluster), self._scope)
        thread.start()
        ended, restart = asyncio.create_task(thread.ended.wait()), asyncio.create_task(self._restart.wait())
        try:
            while not ended.done() and not restart.done():
                await asyncio.wait([ended, restart], timeout=_BEATS_EVERY, return_when=asyncio.FIRST_COMPLETED)
                self._progress_at = time.monotonic()
                if time.monotonic() - thread.beat_at > _STILL_AFTER:
                    return "its event loop stands still"
            return "kopf has ended" if ended.done() else self._restart_reason
        finally:
            for task in (ended, restart):
                task.cancel()
            await thread.stop()
            self._thread = None

    async def _wait_until_allowed(self) -> None:
        """Kopf gives up for good on a kind that it may not list: it is not begun before it may."""
        pause = _FIRST_PAUSE
        while not await self._may_list(WATCHED):
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret
            pause = min(pause * 2, _LONGEST_PAUSE)
        self._last_error = ""

    async def _may_list(self, kinds: Sequence[Kind]) -> bool:
        self._progress_at = time.monotonic()
        try:
            for kind in kinds:
                await self._cluster.list(kind, self._scope, limit="1")
        except (ClusterUnavailableError, ClusterRejectedError) as error:
            if str(error) != self._last_error:
                self._last_error = str(error)
                log.warning("%s cannot be watched yet: %s", self._scope or "the cluster", error)
            return False
        return True
