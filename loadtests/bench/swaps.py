"""p99 of `GET /routes` while five versions a second are swapped in, against the steady one in alternating rounds."""

from __future__ import annotations

import asyncio
import json
import statistics
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Self

import asyncpg
from bench.api_process import Api, migrate, running_api
from bench.common import Figure, postgres, say, wrk

from hingecraft.db.connection import Database
from hingecraft.routes import service as routes
from hingecraft.settings import DsnSecret
from hingecraft.sync.signature import HEADER, sign
from hingecraft_sandbox.postgres import Postgres
from support.pods import PUSH_SECRET

ROUNDS = 7
SECONDS = 4
SWAPS_A_SECOND = 5
CONNECTIONS = 8
LINK = "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ('stripe', 'usd', $1)"


def run() -> Iterator[Figure]:
    steady, swapping = [], []
    with postgres() as server:
        migrate(server)
        with running_api(server) as api:
            wrk(f"{api.url}/routes", 2, connections=CONNECTIONS)
            for _ in range(ROUNDS):
                steady.append(wrk(f"{api.url}/routes", SECONDS, connections=CONNECTIONS).p99_ms)
                with Swapper(server, api) as swapper:
                    swapping.append(wrk(f"{api.url}/routes", SECONDS, connections=CONNECTIONS).p99_ms)
            say(f"{swapper.swapped} versions in the last round")
    say(f"p99 steady {statistics.median(steady):.2f} ms, swapping {statistics.median(swapping):.2f} ms (medians)")
    yield Figure(
        "p99 while five versions a second are swapped in, against the steady one",
        statistics.median(swapping) / statistics.median(steady),
        1.2,
    )


class Swapper:
    """Publishes and pushes from a thread of its own, as an engine would."""

    def __init__(self, server: Postgres, api: Api, *, a_second: float = SWAPS_A_SECOND) -> None:
        self.swapped = 0
        self._server = server
        self._api = api
        self._pause = 1 / a_second
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._swap()))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    async def _swap(self) -> None:
        database = Database(DsnSecret(self._server.dsn()), application="bench")
        connection = await asyncpg.connect(self._server.dsn())
        while not self._stop.is_set():
            began = time.monotonic()
            await connection.execute(LINK, f"https://buy.example/{time.time_ns()}")
            publication = await routes.publish(database)
            await asyncio.to_thread(self._push, publication.version, publication.checksum)
            self.swapped += 1
            await asyncio.sleep(max(0.0, self._pause - (time.monotonic() - began)))
        await connection.close()
        await database.close()

    def _push(self, version: int | None, checksum: str | None) -> None:
        body = json.dumps({"version": version, "checksum": checksum}).encode()
        headers = {"Content-Type": "application/json", HEADER: sign(PUSH_SECRET, body, time.time())}
        request = urllib.request.Request(f"{self._api.internal}/internal/routes", body, headers)  # noqa: S310
        urllib.request.urlopen(request, timeout=5).close()  # noqa: S310 - our own address
