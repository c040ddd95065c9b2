"""An API process: how soon it is ready, and its memory after a million requests and a thousand versions."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterator

from bench.api_process import migrate, running_api
from bench.figures import Figure, say
from bench.servers import postgres
from bench.swaps import Swapper, stage
from bench.wrk import wrk

STARTS = 5
REQUESTS = 1_000_000
VERSIONS = 1_000
MEGABYTE = 1024 * 1024
ENCODINGS = ("Accept-Encoding: identity", "Accept-Encoding: gzip", "Accept-Encoding: br", "Accept-Encoding: zstd")


def run() -> Iterator[Figure]:
    with postgres() as server:
        migrate(server)
        asyncio.run(stage(server.dsn()))
        starts = []
        for _ in range(STARTS):
            with running_api(server) as api:
                starts.append(api.seconds_to_ready)
        with running_api(server) as api:
            asked = sum(wrk(f"{api.url}/routes", 1, headers=[encoding]).requests for encoding in ENCODINGS)
            early = api.process.memory_info().rss / MEGABYTE
            say(f"{asked:,} requests: {early:.1f} MB")
            swapped = 0
            while asked < REQUESTS or swapped < VERSIONS:
                with Swapper(server.dsn(), api, a_second=25) as swapper:
                    asked += sum(wrk(f"{api.url}/routes", 5, headers=[encoding]).requests for encoding in ENCODINGS)
                swapped += swapper.swapped
            late = api.process.memory_info().rss / MEGABYTE
    say(f"{asked:,} requests and {swapped:,} versions: {early:.0f} MB at first, {late:.0f} MB after")
    yield Figure("resident memory after a million requests and a thousand versions", late, 80, unit=" MB")
    yield Figure("what it has grown by since the first seconds", late - early, 5, unit=" MB")
    yield Figure("cold start to ready (median)", statistics.median(starts), 1.5, unit=" s")
