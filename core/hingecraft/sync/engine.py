"""The engine: receives changes, waits for a quiet moment, publishes, and pushes the version to every pod.

Any number of engines may run against one database: publishing is compare-and-set under a lock, a push
never takes a pod backwards, and a webhook is claimed before it is sent.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError, InRecoveryError
from hingecraft.leases.backoff import between
from hingecraft.outbox.delivery import Deliverer
from hingecraft.outbox.model import Endpoint, Message
from hingecraft.process import run_forever
from hingecraft.routes import served
from hingecraft.routes import service as routes
from hingecraft.routes.model import Problem, Publication
from hingecraft.routes.store import CHANNEL
from hingecraft.settings import Secret
from hingecraft.sync.changes import Changes, Timing
from hingecraft.sync.fanout import FanOut, Pods, Target
from hingecraft.sync.listener import Listener
from hingecraft.sync.push import with_document

log = logging.getLogger(__name__)

_RETRY_AFTER = 0.5
_CLOCKS_AGREE_WITHIN = 1.0
# Shorter than the shortest wait that a caller may ask for, so that its answer names the pods that lag.
_LAGS_AFTER = 0.5
_PARTITIONS_EVERY = 6 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedEverywhere:
    """A version has reached every pod."""

    version: int
    checksum: str
    pods: int
    seconds: float
    since_commit: float | None


class Watcher:
    """Receives reports of an engine; this one ignores them."""

    def listening(self, *, connected: bool) -> None:
        """The LISTEN connection was made or lost."""

    def at_a_standby(self, error: InRecoveryError) -> None:
        """The DSN for LISTEN leads to a standby; `listening` says when it leads to the primary."""

    def rebuilt(self, publication: Publication) -> None:
        """The routes were checked again."""

    def problems_found(self, problems: Sequence[Problem]) -> None:
        """The current problems that the owner has to correct."""

    def failed(self, error: DatabaseUnavailableError) -> None:
        """The routes could not be rebuilt."""

    def acknowledged(self) -> None:
        """A pod acknowledged a version."""

    def served_everywhere(self, served: ServedEverywhere) -> None:
        """A version has reached every pod."""

    def delivered(self, message: Message, result: str) -> None:
        """A delivery to an endpoint succeeded or failed."""


class Engine:
    """Steps 1 to 6 of the way from a commit to every pod and page."""

    def __init__(
        self,
        *,
        database: Database,
        listen_dsn: Secret,
        pods: Pods,
        endpoints: Sequence[Endpoint],
        deliverer: Deliverer,
        timing: Timing | None = None,
        watcher: Watcher | None = None,
    ) -> None:
        self._database = database
        self._endpoints = endpoints
        self._deliverer = deliverer
        self._timing = timing or Timing()
        self._watcher = watcher or Watcher()
        self._changes = Changes()
        self._listener = Listener(
            listen_dsn,
            CHANNEL,
            self._changes.notice,
            lambda state: self._watcher.listening(connected=state),
            rejected=self._watcher.at_a_standby,
        )
        self._fanout = FanOut(
            pods, complete=self._on_complete, ahead=self._on_ahead, acknowledged=self._on_acknowledged
        )
        self._to_report = asyncio.Event()
        self._expiry: asyncio.TimerHandle | None = None
        self._above = 0
        self._reported: frozenset[Problem] = frozenset()

    def refresh(self) -> None:
        """Check the data and the pods' addresses, as if something had changed."""
        self._changes.notice()

    @property
    def served(self) -> Mapping[str, int]:
        """The newest version that each address has said it serves; 0 where it has not yet."""
        return self._fanout.served

    @property
    def failures(self) -> Mapping[str, str]:
        """The result of the last push to each address that did not acknowledge it."""
        return self._fanout.failures

    @property
    def progress_at(self) -> float:
        """When it last listened, or tried to listen, for changes."""
        return self._listener.progress_at

    async def run(self) -> None:
        """Run until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for name, work in (
                    ("keeping the endpoints", self._keep_endpoints),
                    ("listening", self._listener.run),
                    ("resyncing", self._resync),
                    ("delivering webhooks", self._deliverer.run),
                    ("publishing", self._publish_changes),
                    ("reporting what the pods serve", self._report),
                ):
                    tasks.create_task(run_forever(name, work), name=name)
        finally:
            if self._expiry is not None:
                self._expiry.cancel()
            await self._fanout.close()

    async def _publish_changes(self) -> None:
        # What was noticed before a surprise ended the last run is looked for again.
        self._changes.notice()
        while True:
            noticed_at = await self._changes.settled(self._timing)
            try:
                publication = await routes.publish(self._database, above=self._above, known=self._fanout.known)
            except DatabaseUnavailableError as error:
                log.warning("routes could not be rebuilt, retrying: %s", error)
                self._watcher.failed(error)
                await asyncio.sleep(_RETRY_AFTER)
                self._changes.notice()
            else:
                await self._bring_everywhere(publication, noticed_at)
                await self._report_problems()

    async def _bring_everywhere(self, publication: Publication, noticed_at: float) -> None:
        self._watcher.rebuilt(publication)
        if publication.version is not None and publication.version >= self._above:
            self._above = 0
        self._wake_at(publication.next_expiry)
        if publication.pin_missing:
            log.error("the policy pins a version that no longer exists: nothing is published until it is unpinned")
        if publication.version is None or publication.checksum is None:
            return
        if publication.changed:
            self._deliverer.wake()
        if not publication.paused:
            await self._fanout.announce(
                Target(
                    version=publication.version,
                    checksum=publication.checksum,
                    noticed_at=noticed_at,
                    committed_at=publication.committed_at,
                    document=with_document(publication.document) if publication.document is not None else None,
                )
            )
            self._to_report.set()

    async def _report(self) -> None:
        """Record the version that every pod serves: at once if all serve the newest, else half a second later.

        Versions that follow meanwhile do not put the report off.
        """
        while True:
            await self._to_report.wait()
            since = self._fanout.known
            everywhere = await self._is_served_within(_LAGS_AFTER)
            if not everywhere and self._fanout.known > since:
                # The pods have as much time for the version that followed.
                self._to_report.set()
            reach = self._fanout.reach(since)
            if reach is not None:
                with suppress(DatabaseUnavailableError):
                    await served.report(self._database, reach)

    async def _is_served_within(self, seconds: float) -> bool:
        """Whether every pod serves the newest version within that time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    await self._to_report.wait()
                    self._to_report.clear()
                    reach = self._fanout.reach(self._fanout.known)
                    if reach is not None and not reach.lagging:
                        return True
        return False

    def _on_acknowledged(self) -> None:
        self._to_report.set()
        self._watcher.acknowledged()

    async def _report_problems(self) -> None:
        """Log each problem once; GET /admin/routes/problems lists them."""
        try:
            found = await routes.problems(self._database)
        except DatabaseUnavailableError:
            return
        for problem in found:
            if problem not in self._reported:
                extra = {"kind": problem.kind, "row": str(problem.id), "currency": problem.currency}
                log.warning("%s of %s: %s", problem.kind, problem.currency, problem.problem, extra=extra)
        self._reported = frozenset(found)
        self._watcher.problems_found(found)

    def _on_ahead(self, version: int) -> None:
        """A pod serves what this database may not have: publish above it, or find that it was published."""
        self._above = max(self._above, version)
        self._changes.notice()

    def _on_complete(self, target: Target, seconds: float, pods: int) -> None:
        self._watcher.served_everywhere(
            ServedEverywhere(
                version=target.version,
                checksum=target.checksum,
                pods=pods,
                seconds=seconds,
                since_commit=_since_commit(target, seconds),
            )
        )

    def _wake_at(self, expiry: datetime | None) -> None:
        """Rebuild when the first link of the document expires."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        if expiry is not None:
            left = max(0.0, (expiry - datetime.now(UTC)).total_seconds())
            self._expiry = asyncio.get_running_loop().call_later(left, self._changes.notice)

    async def _resync(self) -> None:
        pause = between(self._timing.resync / 2, self._timing.resync)
        while True:
            await asyncio.sleep(pause)
            self._changes.notice()
            pause = self._timing.resync

    async def _keep_endpoints(self) -> None:
        while True:
            await self._until_done(self._store_endpoints)
            await asyncio.sleep(_PARTITIONS_EVERY)

    async def _store_endpoints(self) -> None:
        await routes.keep_endpoints(self._database, self._endpoints)
        self._deliverer.wake()

    @staticmethod
    async def _until_done(work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                return await work()
            except DatabaseUnavailableError as error:
                log.warning("Postgres is unavailable, retrying: %s", error)
                await asyncio.sleep(_RETRY_AFTER)


def _since_commit(target: Target, seconds: float) -> float | None:
    """Seconds since the commit, by the server's clock; None for a change without one, as a deletion or an expiry.

    The newest commit among the rows that routes read is not this change's when it lies well before the notification.
    """
    if target.committed_at is None:
        return None
    elapsed = (datetime.now(UTC) - target.committed_at).total_seconds()
    return elapsed if abs(elapsed - seconds) <= _CLOCKS_AGREE_WITHIN else None
