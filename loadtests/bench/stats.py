"""Statistics of a month among a year of a million payments and a million events."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from functools import partial

import asyncpg
import psutil
from bench.api_process import migrate
from bench.figures import Figure, say
from bench.servers import cpu_seconds, postgres

from hingecraft.payments.ledger import SETTLED
from hingecraft.stats import store
from hingecraft.stats.model import MOST_DAYS, USUAL_DAYS, Span
from support.year_of_payments import fill

ROWS, TIMES = 1_000_000, 20


def run() -> Iterator[Figure]:
    with postgres(max_wal_size="4GB", shared_buffers="512MB") as server:
        migrate(server)
        yield from asyncio.run(_figures(server.dsn()))


async def _figures(dsn: str) -> list[Figure]:
    conn = await asyncpg.connect(dsn)
    started = time.monotonic()
    await fill(conn, ROWS)
    await conn.execute("VACUUM", timeout=300)
    say(f"a year of {ROWS:,} payments and as many events filled in in {time.monotonic() - started:.0f} s")
    figures = [Figure("rows of large tables read one after another for 30 days", await _sequential(conn), 0)]
    backend = psutil.Process(await conn.fetchval("SELECT pg_backend_pid()"))
    for days, bound, times in ((USUAL_DAYS, 300, TIMES), (MOST_DAYS, 3_000, 2)):
        work = partial(_counted, conn, days)
        figures.append(await _cost(f"statistics of {days} days", bound, backend, times, work))
    await conn.close()
    return figures


async def _counted(conn: asyncpg.Connection, days: int) -> None:
    """Until now. This connection has no time limit, so that a busy machine is measured too."""
    end = await store.now(conn)
    span = Span(start=end - timedelta(days=days), end=end)
    await store.payments(conn, span, livemode=True)
    await store.webhooks(conn, span)
    await store.revenue(conn, span, livemode=True)


async def _cost(
    what: str, bound: float, backend: psutil.Process, times: int, work: Callable[[], Awaitable[object]]
) -> Figure:
    """Postgres' processor time, which other jobs on the machine do not change; the time that passes is only said."""
    cpu, began = cpu_seconds(backend), time.perf_counter()
    for _ in range(times):
        await work()
    say(f"{what}: {(time.perf_counter() - began) / times * 1000:.0f} ms")
    return Figure(f"{what}, Postgres' processor time", (cpu_seconds(backend) - cpu) / times * 1000, bound, unit=" ms")


async def _sequential(conn: asyncpg.Connection) -> float:
    """Rows that the plans read by sequential scans, except in the table of products."""
    end = await conn.fetchval(store.NOW)
    span, rows = (end - timedelta(days=USUAL_DAYS), end), 0.0
    for sql, more in ((store.PAYMENTS, (True, sorted(SETTLED))), (store.WEBHOOKS, ()), (store.REVENUE, (True,))):
        plan = json.loads(await conn.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *span, *more))[0]
        rows += _read(plan["Plan"])
        say(f"plan: {plan['Execution Time']:.0f} ms, {', '.join(_indexes(plan['Plan']))}")
    return rows


def _read(node: dict[str, object]) -> float:
    inner = node.get("Plans", [])
    assert isinstance(inner, list)
    counts = node["Node Type"] == "Seq Scan" and node["Relation Name"] != "products"
    own = [float(str(node.get(name, 0))) for name in ("Actual Rows", "Rows Removed by Filter")]
    return (sum(own) if counts else 0) + sum(_read(each) for each in inner)


def _indexes(node: dict[str, object]) -> list[str]:
    inner = node.get("Plans", [])
    assert isinstance(inner, list)
    here = [str(node["Index Name"])] if "Index Name" in node else []
    return list(dict.fromkeys([*here, *(name for each in inner for name in _indexes(each))]))
