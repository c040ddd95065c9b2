"""A rebuild at three million payments against a hundred thousand; PAYMENTS=10000000 makes it ten million."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Iterator

import asyncpg
from bench.figures import Figure, say
from bench.servers import postgres

from hingecraft.db.connection import Database
from hingecraft.migrations.command import bring_up_to_date
from hingecraft.routes import service as routes
from hingecraft.settings import DsnSecret
from hingecraft_sandbox.postgres import Postgres

FEW = 100_000
MANY = 3_000_000
REBUILDS = 60
LINK = "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ('stripe', 'usd', $1)"
# Both tables grow, as one checkout for each payment makes them; a few links stay open in each currency.
FILL = """
SET session_replication_role = replica;
INSERT INTO payments (amount, currency, status, purpose)
SELECT 5, 'USD', 'completed', 'donation' FROM generate_series(1, $1);
INSERT INTO external_payments (payment_id, gateway, provider, currency, kind, status, provider_url,
                               idempotency_key, request)
SELECT CASE WHEN n % 10000 <> 0 THEN gen_random_uuid() END, 'stripe', 'stripe',
       (SELECT array_agg(code ORDER BY code) FROM currencies)[n % 140 + 1],
       CASE WHEN n % 10000 = 0 THEN 'standing' ELSE 'single' END,
       CASE WHEN n % 50 = 0 THEN 'pending' ELSE 'completed' END, 'https://pay.example/' || n,
       'key', '{}'
FROM generate_series(1, $1) n;
RESET session_replication_role;
"""


def run() -> Iterator[Figure]:
    many = int(os.environ.get("PAYMENTS", MANY))
    with postgres(checkpoint_timeout="1h", max_wal_size="8GB") as server:
        times = asyncio.run(_compare(server, many))
    few, much = statistics.median(times[FEW]), statistics.median(times[many])
    say(f"{FEW:,} payments {few:.1f} ms, {many:,} payments {much:.1f} ms (medians of {REBUILDS} publishing rebuilds)")
    yield Figure(f"a rebuild at {many:,} payments against {FEW:,}", much / few, 1.5)


async def _compare(server: Postgres, many: int) -> dict[int, list[float]]:
    """Two databases on one server, measured in turn, so that noise meets both."""
    dsns = {}
    for payments in (FEW, many):
        dsns[payments] = DsnSecret(server.dsn(f"of_{payments}"))
        admin = await asyncpg.connect(server.dsn())
        await admin.execute(f"CREATE DATABASE of_{payments}")
        await admin.close()
        await bring_up_to_date(dsns[payments], "hingecraft_app", lambda _line: None)
        connection = await asyncpg.connect(dsns[payments].newest)
        await connection.execute(FILL.replace("$1", str(payments)), timeout=1800)
        await connection.execute("VACUUM ANALYZE", timeout=600)
        await connection.close()
    times: dict[int, list[float]] = {payments: [] for payments in dsns}
    databases = {payments: Database(dsn, application="bench") for payments, dsn in dsns.items()}
    connections = {payments: await asyncpg.connect(dsn.newest) for payments, dsn in dsns.items()}
    for number in range(REBUILDS + 5):
        for payments, database in databases.items():
            await connections[payments].execute(LINK, f"https://buy.example/{number}")
            started = time.monotonic()
            publication = await routes.publish(database)
            took = (time.monotonic() - started) * 1000
            assert publication.changed
            if number >= 5:  # the first ones warm the caches
                times[payments].append(took)
    for database in databases.values():
        await database.close()
    for connection in connections.values():
        await connection.close()
    return times
