"""p99 of `GET /routes` while five versions a second are swapped in, against the steady one in alternating rounds.

The versions are built before the rounds and only inserted and pushed during them: a rebuild beside the
server, on whichever core, doubles the p99 on two cores whether the pod swaps or not. The steady rounds have
nothing going on at all.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Self

import asyncpg
import psutil
from bench.api_process import Api, migrate, running_api
from bench.common import GENERATOR_CORE, Figure, postgres, say, wrk

from hingecraft.sync.signature import HEADER, sign
from support.pods import PUSH_SECRET

ROUNDS = 7
SECONDS = 4
SWAPS_A_SECOND = 5
CONNECTIONS = 8
LOWEST_PRIORITY = 19
# Documents as a rebuild makes them, each with a link of its own and so a checksum of its own.
STAGE = """
CREATE TABLE staged AS SELECT n, routes, encode(sha256(convert_to(routes::text, 'UTF8')), 'hex') AS checksum FROM (
    SELECT n, jsonb_set(r.routes, '{USD,url}', to_jsonb('https://buy.example/' || n)) AS routes
    FROM generate_series(1, 4000) n CROSS JOIN (SELECT routes FROM payment_routes ORDER BY version DESC LIMIT 1) r
) documents;
CREATE INDEX ON staged (n);
"""
PUBLISH = """
INSERT INTO payment_routes (version, routes, checksum)
SELECT $1::bigint + 1, routes, checksum FROM staged WHERE n = $1 RETURNING version, checksum
"""


def run() -> Iterator[Figure]:
    steady, swapping = [], []
    with postgres() as server:
        migrate(server)
        asyncio.run(stage(server.dsn()))
        _out_of_the_way(psutil.Process(server.pid))
        with running_api(server) as api:
            wrk(f"{api.url}/routes", 2, connections=CONNECTIONS)
            for _ in range(ROUNDS):
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


async def stage(dsn: str) -> None:
    """Build the versions that will be swapped in."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(STAGE)
    await connection.close()


def _out_of_the_way(server: psutil.Process) -> None:
    """What it starts later is where it is."""
    for process in (server, *server.children(recursive=True)):
        process.cpu_affinity([int(GENERATOR_CORE)])
        process.nice(LOWEST_PRIORITY)


class Swapper:
    """Publishes and pushes from a thread of its own, as an engine would."""

    def __init__(self, dsn: str, api: Api, *, a_second: float = SWAPS_A_SECOND) -> None:
        self.swapped = 0
        self._dsn = dsn
        self._api = api
        self._pause = 1 / a_second
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        own_thread = threading.get_native_id()
        os.sched_setaffinity(own_thread, {int(GENERATOR_CORE)})
        os.setpriority(os.PRIO_PROCESS, own_thread, LOWEST_PRIORITY)
        asyncio.run(self._swap())

    async def _swap(self) -> None:
        connection = await asyncpg.connect(self._dsn)
        while not self._stop.is_set():
            began = time.monotonic()
            newest = await connection.fetchval("SELECT max(version) FROM payment_routes")
            published = await connection.fetchrow(PUBLISH, newest)
            assert published is not None, "more versions were swapped in than are staged"
            self._push(self._api.internal, published["version"], published["checksum"])
            self.swapped += 1
            await asyncio.sleep(max(0.0, self._pause - (time.monotonic() - began)))
        await connection.close()

    @staticmethod
    def _push(address: str, version: int, checksum: str) -> None:
        body = json.dumps({"version": version, "checksum": checksum}).encode()
        headers = {"Content-Type": "application/json", HEADER: sign(PUSH_SECRET, body, time.time())}
        request = urllib.request.Request(f"{address}/internal/routes", body, headers)
        urllib.request.urlopen(request, timeout=5).close()
