"""How long writes of the earlier software wait while a million of its rows are migrated."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from bench.figures import Figure, say
from bench.servers import postgres

from hingecraft.db.connection import connect
from hingecraft.migrations.command import bring_up_to_date
from hingecraft.settings import DsnSecret
from hingecraft_sandbox.postgres import Postgres
from support.legacy_database import OldSoftware, make_legacy

# Payments, and as many checkouts.
ROWS = 500_000
WRITERS = 2


def run() -> Iterator[Figure]:
    with postgres() as server:
        longest = asyncio.run(_longest_write(server))
    yield Figure("the slowest write of the earlier software while a million rows are migrated", longest, 2, unit=" s")


async def _longest_write(server: Postgres) -> float:
    dsn = DsnSecret(server.dsn())
    conn = await connect(dsn, application="bench", statement_timeout=None)
    await make_legacy(conn, ROWS)
    await conn.execute("ANALYZE payments, external_payments")
    await conn.close()
    writers = [OldSoftware(dsn) for _ in range(WRITERS)]
    writing = [asyncio.create_task(writer.run()) for writer in writers]
    began = time.monotonic()
    await bring_up_to_date(dsn, "hingecraft_app", lambda _line: None)
    took = time.monotonic() - began
    for task in writing:
        task.cancel()
    ends = await asyncio.gather(*writing, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ends), ends
    say(f"{2 * ROWS:,} rows in {took:.0f} s, beside {sum(writer.written for writer in writers):,} writes")
    return max(writer.longest for writer in writers)
