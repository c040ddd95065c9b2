"""p99 of `GET /routes` while five versions a second are swapped in, against the steady one in alternating rounds.

The versions are built before the rounds and only inserted and pushed during them: a rebuild beside the
server, on whichever core, doubles the p99 on two cores whether the pod swaps or not. The steady rounds have
nothing going on at all.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit

import asyncpg
import psutil
from bench.api_process import Api, migrate, running_api
from bench.figures import Figure, say
from bench.servers import GENERATOR_CORE, postgres
from bench.wrk import wrk

from hingecraft.routes import store
from hingecraft.routes.model import Document
from hingecraft.sync.push import with_document
from hingecraft.sync.signature import HEADER, sign
from support.pods import PUSH_SECRET

ROUNDS = 7
SECONDS = 4
SWAPS_A_SECOND = 5
CONNECTIONS = (8, 32, 64)
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
SELECT $1::bigint + 1, routes, checksum FROM staged WHERE n = $1 RETURNING version
"""


def run() -> Iterator[Figure]:
    with postgres() as server:
        migrate(server)
        asyncio.run(stage(server.dsn()))
        _out_of_the_way(psutil.Process(server.pid))
        with running_api(server) as api:
            for connections in CONNECTIONS:
                ratio = _compare(server.dsn(), api, connections)
                what = "p99 while five versions a second are swapped in, against the steady one"
                yield Figure(f"{what}, {connections} connections", ratio, 1.2)


def _compare(dsn: str, api: Api, connections: int) -> float:
    steady, swapping = [], []
    wrk(f"{api.url}/routes", 2, connections=connections)
    for _ in range(ROUNDS):
        steady.append(wrk(f"{api.url}/routes", SECONDS, connections=connections).p99_ms)
        with Swapper(dsn, api) as swapper:
            swapping.append(wrk(f"{api.url}/routes", SECONDS, connections=connections).p99_ms)
    before, during = statistics.median(steady), statistics.median(swapping)
    say(f"{connections} connections: {swapper.swapped} versions in the last round, "
        f"p99 steady {before:.2f} ms, swapping {during:.2f} ms (medians)")  # fmt: skip
    return during / before


async def stage(dsn: str) -> None:
    """Build the versions that will be swapped in."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(STAGE)
    await connection.close()


def _out_of_the_way(server: psutil.Process) -> None:
    """Move the server to the generator's core, at the lowest priority. Processes that it starts later inherit both."""
    for process in (server, *server.children(recursive=True)):
        with suppress(psutil.NoSuchProcess):  # an autovacuum worker comes and goes
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
        pod = http.client.HTTPConnection(urlsplit(self._api.internal).netloc, timeout=5)
        while not self._stop.is_set():
            began = time.monotonic()
            newest = await connection.fetchval("SELECT max(version) FROM payment_routes")
            published = await connection.fetchrow(PUBLISH, newest)
            assert published is not None, "more versions were swapped in than are staged"
            version, currencies = await store.newest_and_currencies(connection)
            assert version is not None, "one has just been inserted"
            _push(pod, Document(version=version, currencies=currencies))
            self.swapped += 1
            await asyncio.sleep(max(0.0, self._pause - (time.monotonic() - began)))
        pod.close()
        await connection.close()


def _push(pod: http.client.HTTPConnection, document: Document) -> None:
    """Over one connection that is kept, and with the document, as an engine's are."""
    body = with_document(document)
    assert body is not None, "the document is small enough to be pushed"
    headers = {"Content-Type": "application/json", HEADER: sign(PUSH_SECRET, body, time.time())}
    pod.request("POST", "/internal/routes", body, headers)
    answer = pod.getresponse()
    assert answer.status == http.HTTPStatus.OK, answer.read()
    answer.read()
