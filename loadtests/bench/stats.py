"""Statistics of a month among a year of a million payments and a million events."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import timedelta

import asyncpg
from bench.api_process import migrate
from bench.common import Figure, percentile, postgres, say

from hingecraft.db.connection import Database
from hingecraft.payments.ledger import SETTLED
from hingecraft.settings import DsnSecret
from hingecraft.stats import store
from hingecraft.stats.model import MOST_DAYS, USUAL_DAYS
from hingecraft.stats.service import Statistics
from support.year import fill

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
    read = await _sequential(conn)
    await conn.close()
    database = Database(DsnSecret(dsn), application="bench", largest=1)
    statistics = Statistics(database, livemode=True)
    month, recent = [], []
    for _ in range(TIMES):
        began = time.perf_counter()
        days, found = await statistics.of_days(None, None)
        month.append(time.perf_counter() - began)
        began = time.perf_counter()
        await statistics.recent()
        recent.append(time.perf_counter() - began)
    began = time.perf_counter()
    await statistics.of_days(days.last - timedelta(days=MOST_DAYS - 1), None)
    year = time.perf_counter() - began
    await database.close()
    say(f"{found.payments.paid:,} paid payments and {found.webhooks.received:,} events in {USUAL_DAYS} days")
    return [
        Figure("statistics of 30 days, median", percentile(month, 0.5) * 1000, 500, unit=" ms"),
        Figure(f"statistics of {MOST_DAYS} days", year * 1000, 4_000, unit=" ms"),
        Figure("figures for metrics, median", percentile(recent, 0.5) * 1000, 250, unit=" ms"),
        Figure("rows of large tables read one after another for 30 days", read, 0),
    ]


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
