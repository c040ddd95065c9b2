"""p99 of `GET /routes` while five versions a second are swapped in, against the steady one in alternating rounds.

On two cores Postgres and the publisher share the server's core, so the steady rounds have the same
publishing going on in a twin database that the pod does not serve: what is compared is the pod's swapping.
"""

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
from support.pods import PUSH_SECRET

ROUNDS = 7
SECONDS = 4
SWAPS_A_SECOND = 5
CONNECTIONS = 8
TWIN = "twin"
LINK = "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ('stripe', 'usd', $1)"


def run() -> Iterator[Figure]:
    steady, swapping = [], []
    with postgres() as server:
        migrate(server)
        migrate(server, TWIN)
        with running_api(server) as api:
            wrk(f"{api.url}/routes", 2, connections=CONNECTIONS)
            for _ in range(ROUNDS):
                with Swapper(server.dsn(TWIN)):
                    steady.append(wrk(f"{api.url}/routes", SECONDS, connections=CONNECTIONS).p99_ms)
                with Swapper(server.dsn(), api) as swapper:
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

    def __init__(self, dsn: str, api: Api | None = None, *, a_second: float = SWAPS_A_SECOND) -> None:
        self.swapped = 0
        self._dsn = dsn
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
        database = Database(DsnSecret(self._dsn), application="bench")
        connection = await asyncpg.connect(self._dsn)
        while not self._stop.is_set():
            began = time.monotonic()
            await connection.execute(LINK, f"https://buy.example/{time.time_ns()}")
            publication = await routes.publish(database)
            if self._api is not None:
                await asyncio.to_thread(self._push, self._api.internal, publication.version, publication.checksum)
            self.swapped += 1
            await asyncio.sleep(max(0.0, self._pause - (time.monotonic() - began)))
        await connection.close()
        await database.close()

    @staticmethod
    def _push(address: str, version: int | None, checksum: str | None) -> None:
        body = json.dumps({"version": version, "checksum": checksum}).encode()
        headers = {"Content-Type": "application/json", HEADER: sign(PUSH_SECRET, body, time.time())}
        request = urllib.request.Request(f"{address}/internal/routes", body, headers)  # noqa: S310
        urllib.request.urlopen(request, timeout=5).close()  # noqa: S310 - our own address
