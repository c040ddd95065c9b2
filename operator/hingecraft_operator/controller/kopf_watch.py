"""Runs kopf for each scope, in its own thread and event loop.

kopf cancels every task of its event loop when it ends, gives up for good on a watch that is rejected, and may not come
back from its own shutdown (docs/decisions/0024). In a thread it cannot harm the rest: it is started only when the scope
can be listed, is stopped by force if it does not stop by itself, and is then restarted.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import kopf

from hingecraft_operator.cluster.client import Cluster, ClusterRejectedError, ClusterUnavailableError, Kind
from hingecraft_operator.controller import handlers
from hingecraft_operator.controller.handlers import WATCHED, ChangeListener

log = logging.getLogger(__name__)

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 15.0
_STABLE_AFTER = 60.0
_BEATS_EVERY = 1.0
_BLOCKED_AFTER = 15.0
_STOPS_WITHIN = 2.0
# kopf would otherwise ask for the name of the user, and the image's has none. Its type is private.
_IDENTITY: Any = socket.gethostname()


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
        """Start the thread."""
        owner = asyncio.get_running_loop()
        name = f"kopf {self.scope or 'everywhere'}"
        self._thread = threading.Thread(target=self._run, args=(owner,), name=name, daemon=True)
        self._thread.start()

    async def stop(self) -> None:
        """Ask kopf to stop; if it does not, stop its event loop."""
        self._stop.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(_STOPS_WITHIN):
                await self.ended.wait()
        if not self.ended.is_set():
            log.warning("kopf does not stop (%s): stopping its event loop", self.scope or "everywhere")
            self._loop.call_soon_threadsafe(self._loop.stop)
            with suppress(TimeoutError):
                async with asyncio.timeout(_STOPS_WITHIN):
                    await self.ended.wait()

    def _run(self, owner: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._operate())
        except Exception:
            # Stopped by force, or an unexpected error in kopf: it will be restarted.
            log.exception("kopf failed (%s)", self.scope or "everywhere")
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
                identity=_IDENTITY,
                standalone=True,
                stop_flag=self._stop,
                clusterwide=self.scope is None,
                namespaces=[] if self.scope is None else [self.scope],
            )
        finally:
            beating.cancel()

    async def _beat(self) -> None:
        """Update `beat_at` every second, to show that the event loop is not blocked."""
        while True:
            self.beat_at = time.monotonic()
            await asyncio.sleep(_BEATS_EVERY)

    def _close(self) -> None:
        """Cancel the remaining tasks once; those that do not end are dropped with the thread."""
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
        """When the watch last worked or tried to connect."""
        return self._progress_at

    def restart(self, why: str) -> None:
        """Restart the watch: it missed a change, or the scope cannot be listed any more."""
        self._restart_reason = why
        self._restart.set()

    async def run(self) -> None:
        """Watch until cancelled; restart whenever kopf ends."""
        pause = _FIRST_PAUSE
        while True:
            await self._wait_until_allowed()
            began = time.monotonic()
            why = await self._watch_once()
            pause = _FIRST_PAUSE if time.monotonic() - began > _STABLE_AFTER else min(pause * 2, _LONGEST_PAUSE)
            self._restarted(why)
            log.warning("restarting the watch of %s: %s", self._scope or "the cluster", why)
            await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - jitter, not a secret

    async def _watch_once(self) -> str:
        """Watch once; returns why it ended."""
        self._restart.clear()
        thread = self._thread = KopfThread(handlers.build_registry(self._listener, self._cluster), self._scope)
        thread.start()
        ended, restart = asyncio.create_task(thread.ended.wait()), asyncio.create_task(self._restart.wait())
        try:
            while not ended.done() and not restart.done():
                await asyncio.wait([ended, restart], timeout=_BEATS_EVERY, return_when=asyncio.FIRST_COMPLETED)
                self._progress_at = time.monotonic()
                if time.monotonic() - thread.beat_at > _BLOCKED_AFTER:
                    return "its event loop is blocked"
            return "kopf stopped" if ended.done() else self._restart_reason
        finally:
            for task in (ended, restart):
                task.cancel()
            await thread.stop()
            self._thread = None

    async def _wait_until_allowed(self) -> None:
        """Wait until every kind can be listed: kopf gives up for good on one that cannot."""
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
