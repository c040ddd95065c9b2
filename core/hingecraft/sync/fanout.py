"""Pushes a version to all pods at once, and retries until each has acknowledged that one or a newer one."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus

import aiohttp

from hingecraft.observability import traces
from hingecraft.observability.spans import Kind
from hingecraft.process import cancel
from hingecraft.routes.served import PodReach, Reach
from hingecraft.settings import Secret
from hingecraft.sync.push import TAKES_DOCUMENTS, without_document
from hingecraft.sync.signature import HEADER, sign

log = logging.getLogger(__name__)

PUSH_PATH = "/internal/routes"
_PUSH_TIMEOUT = 2.0
_FIRST_RETRY = 0.05
_LONGEST_RETRY = 1.0
_ANSWER_LIMIT = 4096
# The answers of an older pod to a document: a field that it does not know, a body that is too large.
_TAKES_NO_DOCUMENT = (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pods:
    """The pods' current addresses and names, and the secret that signs pushes to them."""

    addresses: Callable[[], Awaitable[Iterable[str]]]
    secret: Secret
    name: Callable[[str], str] = str


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The version that every pod should serve; when its change was noticed (on the loop's clock) and committed.

    `document` is the body of a push that carries the version itself; None where it is too large, or not known.
    """

    version: int
    checksum: str
    noticed_at: float
    committed_at: datetime | None = None
    document: bytes | None = None

    def is_version_of(self, other: Target) -> bool:
        """Whether both ask for the same version."""
        return (self.version, self.checksum) == (other.version, other.checksum)


@dataclass(frozen=True, slots=True)
class Served:
    """The version that a pod reports."""

    version: int
    checksum: str

    def ahead_of(self, target: Target) -> int:
        """The number that the database must have reached for this to be right; 0 where nothing is odd.

        Another engine may have published it meanwhile. If not, the database is younger than what the pod
        serves, as after a backup was restored, and only a version above it gets through to the pod.
        """
        if self.version > target.version:
            return self.version
        return self.version + 1 if self.version == target.version and self.checksum != target.checksum else 0


@dataclass(slots=True)
class Pod:
    """A pod: its address, the newest version that it acknowledged, and the result of a failed push."""

    address: str
    served: Served = Served(0, "")
    failure: str = ""
    takes_documents: bool = False
    # Seconds from the change until it acknowledged its version.
    latency: float | None = None
    task: asyncio.Task[None] | None = None

    @property
    def version(self) -> int:
        """The version that the pod reported last; 0 before its first report."""
        return self.served.version

    def lags(self, version: int, newest: Target) -> bool:
        """Whether it serves an older version than that one, or one that has to be checked first."""
        return self.version < version or bool(self.served.ahead_of(newest))

    def confirmed(self, newest: Target) -> int:
        """The version that it serves for certain: what it reports above the newest may be of data that are lost."""
        return min(self.version, newest.version - 1) if self.served.ahead_of(newest) else self.version


class FanOut:
    """Pushes to the pods' current addresses, to each independently, so that a slow pod delays no other."""

    def __init__(
        self,
        pods: Pods,
        *,
        complete: Callable[[Target, float, int], None],
        ahead: Callable[[int], None],
        acknowledged: Callable[[], None],
    ) -> None:
        self._addresses = pods.addresses
        self._secret = pods.secret
        self._name = pods.name
        self._complete = complete
        self._ahead = ahead
        self._acknowledged = acknowledged
        self._target: Target | None = None
        self._pods: dict[str, Pod] = {}
        self._session: aiohttp.ClientSession | None = None
        self._completed = 0

    @property
    def served(self) -> dict[str, int]:
        """The newest version that each address has said it serves; 0 where it has not yet."""
        return {pod.address: pod.version for pod in self._pods.values()}

    @property
    def failures(self) -> dict[str, str]:
        """The result of the last push to each address that did not acknowledge it."""
        return {pod.address: pod.failure for pod in self._pods.values() if pod.failure}

    @property
    def known(self) -> int:
        """The version whose document is at hand, where it is small enough to be pushed; 0 before the first target."""
        return self._target.version if self._target is not None else 0

    def reach(self, version: int) -> Reach | None:
        """The version that every pod serves, and the pods that lag behind `version`; None before the first target."""
        newest, pods = self._target, list(self._pods.values())
        if newest is None:
            return None
        return Reach(
            version=min((pod.confirmed(newest) for pod in pods), default=0),
            pods=len(pods),
            lagging=tuple(sorted(self._name(pod.address) for pod in pods if pod.lags(version, newest))),
            each=tuple(sorted((self._reach_of(pod) for pod in pods), key=lambda pod: pod.name)),
        )

    def _reach_of(self, pod: Pod) -> PodReach:
        return PodReach(
            name=self._name(pod.address),
            version=pod.version,
            latency_ms=round(pod.latency * 1000) if pod.latency is not None else None,
            failure=pod.failure or None,
        )

    async def announce(self, target: Target) -> None:
        """Push this version to every pod; it replaces an older one that is still being retried.

        What was announced before is what pods may serve: a database that has forgotten it has to go above it.
        """
        if self._session is None:
            timeout = aiohttp.ClientTimeout(total=_PUSH_TIMEOUT)
            self._session = aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0))
        if self._target is not None:
            above = Served(self._target.version, self._target.checksum).ahead_of(target)
            if above:
                self._ahead(above)
                return
            if target.document is None and target.is_version_of(self._target):
                target = replace(target, document=self._target.document)
        self._target = target
        await self._follow_addresses()
        for pod in self._pods.values():
            if pod.version < self._target.version and (pod.task is None or pod.task.done()):
                pod.task = asyncio.create_task(self._drive(pod), name=f"push to {pod.address}")

    async def close(self) -> None:
        """Stop pushing; the pods' own poll does the rest."""
        for pod in list(self._pods.values()):
            await self._stop(pod)
        if self._session is not None:
            await self._session.close()

    async def _follow_addresses(self) -> None:
        wanted = {address.rstrip("/") for address in await self._addresses()}
        for gone in self._pods.keys() - wanted:
            await self._stop(self._pods.pop(gone))
        for address in wanted - self._pods.keys():
            self._pods[address] = Pod(address)

    @staticmethod
    async def _stop(pod: Pod) -> None:
        if pod.task is not None:
            await cancel(pod.task)

    async def _drive(self, pod: Pod) -> None:
        pause = _FIRST_RETRY
        while self._target is not None and pod.version < self._target.version:
            target = self._target
            with traces.span("push routes", Kind.CLIENT, version=target.version):
                served = await self._push(pod, target)
                if pod.failure:
                    traces.note(error=pod.failure)
            if served.version >= pod.version:
                pod.served = served
            if served.ahead_of(target):
                self._ahead(served.ahead_of(target))
            if served.version:
                self._acknowledged()
            if pod.version >= target.version:
                pause = _FIRST_RETRY
                pod.latency = asyncio.get_running_loop().time() - target.noticed_at
                self._report_if_complete(target)
            else:
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_RETRY)

    async def _push(self, pod: Pod, target: Target) -> Served:
        """Push to the pod; returns the version that it serves now, 0 if it did not answer."""
        short = without_document(target.version, target.checksum)
        body = target.document if pod.takes_documents and target.document is not None else short
        try:
            status, answer = await self._post(pod.address, body)
            if status in _TAKES_NO_DOCUMENT and body is not short:
                status, answer = await self._post(pod.address, short)
            if status == HTTPStatus.OK:
                data = json.loads(answer)["data"]
                pod.failure = ""
                pod.takes_documents = data.get(TAKES_DOCUMENTS) is True
                return Served(int(data["version"]), str(data["checksum"]))
            pod.failure = f"HTTP {status}"
            log.warning("%s answered a push with %s", pod.address, status)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, KeyError, TypeError) as error:
            # Another pod may come up at this address, or an older one that closes the connection on a large body.
            pod.takes_documents = False
            pod.failure = type(error).__name__
            log.debug("%s did not accept version %s: %s", pod.address, target.version, error)
        return Served(0, "")

    async def _post(self, address: str, body: bytes) -> tuple[int, bytes]:
        assert self._session is not None
        signed = sign(self._secret.newest, body, time.time())
        headers = {"Content-Type": "application/json", HEADER: signed, **traces.headers()}
        async with self._session.post(
            address + PUSH_PATH, data=body, headers=headers, allow_redirects=False
        ) as response:
            return response.status, await response.content.read(_ANSWER_LIMIT)

    def _report_if_complete(self, target: Target) -> None:
        everyone = all(pod.version >= target.version for pod in self._pods.values())
        if everyone and target.version > self._completed:
            self._completed = target.version
            self._complete(target, asyncio.get_running_loop().time() - target.noticed_at, len(self._pods))
