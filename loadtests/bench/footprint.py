"""An API process: its start, and its memory after a million requests and a thousand versions, and with traces."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Iterator

from bench.api_process import migrate, running_api
from bench.figures import Figure, say
from bench.servers import postgres
from bench.swaps import Swapper, stage
from bench.wrk import wrk

from hingecraft_sandbox.postgres import Postgres
from support.collector import collecting

STARTS = 5
REQUESTS = 1_000_000
VERSIONS = 1_000
MEGABYTE = 1024 * 1024
# `GET /routes` is never traced, this call always.
TRACED, TRACED_SECONDS = "/config", 5
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
        report_traces(server)
    say(f"{asked:,} requests and {swapped:,} versions: {early:.0f} MB at first, {late:.0f} MB after")
    yield Figure("resident memory after a million requests and a thousand versions", late, 80, unit=" MB")
    yield Figure("what it has grown by since the first seconds", late - early, 5, unit=" MB")
    yield Figure("cold start to ready (median)", statistics.median(starts), 1.5, unit=" s")


def report_traces(server: Postgres) -> None:
    """Say what a pod holds when each of its calls is traced, and what one holds without a collector."""
    without, _ = _calls_answered(server)
    with collecting() as collector:
        traced, requests = _calls_answered(server, OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint)
        assert collector.taken, "nothing was traced"
    say(f"{requests:,} traced calls: {traced:.1f} MB, without traces {without:.1f} MB ({traced - without:+.1f})")


def _calls_answered(server: Postgres, **environment: str) -> tuple[float, int]:
    """The memory of a new pod after some seconds of calls, and their number."""
    with running_api(server, RATE_LIMIT="1000000", **environment) as api:
        load = wrk(f"{api.url}{TRACED}", TRACED_SECONDS)
        assert load.failures == 0, "the pod rejected calls"
        return api.process.memory_info().rss / MEGABYTE, load.requests
