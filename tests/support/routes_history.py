"""Reads versions at all pods, fast, and checks that no reader gets a version older than one that was promised."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import asyncpg

from support.limits import PROGRESS
from support.pods import ADMIN
from support.processes import ApiProcess

# Reads in one piece, as the lane answers them.
_TOGETHER = 40
_PLAIN = b"HEAD /routes HTTP/1.1\r\nHost: x\r\n\r\n" * _TOGETHER
_AT_LEAST = b"GET /routes HTTP/1.1\r\nHost: x\r\nX-Routes-At-Least: %d\r\n\r\n"
_VERSION = re.compile(rb"\r\nX-Routes-Version: (\d+)\r\n")
_LENGTH = re.compile(rb"\r\nContent-Length: (\d+)\r\n")
_PATIENCE = 1.0
# What is counted, beside the answers.
BROKEN_OFF, COMMITS = "visits broken off", "commits"
_LINK = "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ('stripe', 'usd', $1)"


@dataclass
class History:
    """The newest version that every client was promised, and the number of reads."""

    # The newest version of which a wait was answered that every pod serves it.
    acknowledged: int = 0
    reads: int = 0
    counts: Counter[str] = field(default_factory=Counter)

    def check(self, versions: Sequence[int], promised: int, pod: ApiProcess) -> None:
        """Versions that one pod has answered in this order, after `promised` was known."""
        self.reads += len(versions)
        for version in versions:
            assert version >= promised, f"{pod.public} answered {version} after {promised} (read {self.reads})"
            promised = version

    async def more(self, what: str, number: int = 1) -> None:
        """Wait until so many more of these were counted."""
        before = self.counts[what]
        async with asyncio.timeout(PROGRESS):
            while self.counts[what] < before + number:
                await asyncio.sleep(0.02)


class Reader:
    """Goes from pod to pod and passes on the version that it saw."""

    def __init__(self, history: History, pods: Sequence[ApiProcess]) -> None:
        self._history = history
        self._pods = pods
        self._connections: dict[int, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}
        self._seen = 1

    async def run(self) -> None:
        """Until cancelled."""
        try:
            for pod in cycle(self._pods):
                try:
                    async with asyncio.timeout(_PATIENCE):
                        await self._visit(pod)
                except (OSError, EOFError, TimeoutError):  # it was killed, or is stopped
                    self._history.counts[BROKEN_OFF] += 1
                    self._forget(pod)
                    await asyncio.sleep(0.01)
        finally:
            for pod in self._pods:
                self._forget(pod)

    async def _visit(self, pod: ApiProcess) -> None:
        reader, writer = await self._connection(pod)
        promised = max(self._seen, self._history.acknowledged)
        writer.write(_AT_LEAST % self._seen)
        head = await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(int(_found(_LENGTH, head)))
        if not head.startswith(b"HTTP/1.1 200 "):
            self._history.counts[json.loads(body)["code"]] += 1
            return
        version = int(_found(_VERSION, head))
        self._history.check([version], promised, pod)
        assert json.loads(body)["data"]["version"] == version
        promised = max(version, self._history.acknowledged)
        writer.write(_PLAIN)
        heads = b"".join([await reader.readuntil(b"\r\n\r\n") for _ in range(_TOGETHER)])
        versions = [int(each) for each in _VERSION.findall(heads)]
        assert len(versions) == _TOGETHER, heads[:2000]
        self._history.check(versions, promised, pod)
        self._seen = versions[-1]

    async def _connection(self, pod: ApiProcess) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if pod.port not in self._connections:
            self._connections[pod.port] = await asyncio.open_connection("127.0.0.1", pod.port)
        return self._connections[pod.port]

    def _forget(self, pod: ApiProcess) -> None:
        _, writer = self._connections.pop(pod.port, (None, None))
        if writer is not None:
            writer.transport.abort()


def _found(pattern: re.Pattern[bytes], head: bytes) -> bytes:
    found = pattern.search(head)
    assert found is not None, head
    return found[1]


class Waiter:
    """Commits, and waits until every pod serves what was committed."""

    def __init__(self, history: History, pods: Sequence[ApiProcess], dsn: str) -> None:
        self._history = history
        self._pods = pods
        self._dsn = dsn

    async def run(self) -> None:
        """Until cancelled."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as client:
            for number, pod in enumerate(cycle(self._pods)):
                with suppress(OSError, TimeoutError, aiohttp.ClientError, asyncpg.PostgresError):
                    await self._commit(f"https://buy.example/{number}")
                    await self._wait(client, pod)
                await asyncio.sleep(0.05)

    async def _commit(self, url: str) -> None:
        connection = await asyncpg.connect(self._dsn, timeout=2)
        try:
            await connection.execute(_LINK, url, timeout=2)
            self._history.counts[COMMITS] += 1
        finally:
            connection.terminate()

    async def _wait(self, client: aiohttp.ClientSession, pod: ApiProcess) -> None:
        address = f"http://{urlsplit(pod.public).netloc}/admin/refresh?wait=served&timeout=3s"
        async with client.post(address, headers=ADMIN) as response:
            answer: dict[str, Any] = await response.json()
        self._history.counts[f"waits answered {response.status}"] += 1
        if response.ok:
            self._history.acknowledged = max(self._history.acknowledged, answer["data"]["version"])
