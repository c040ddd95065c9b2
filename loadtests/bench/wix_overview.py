"""The owner's overview over a year of a million payments in five currencies, and the list of payments."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.request import Request, urlopen
from uuid import uuid4

import asyncpg
from bench.api_process import Api, migrate, running_api
from bench.figures import Figure, percentile, say
from bench.servers import postgres

from hingecraft.dashboard.overview import store
from hingecraft.migrations.files import migrations_folder, read_migrations
from support import wix
from support.year_of_payments import fill

ROWS, TIMES, WITHIN = 1_000_000, 100, 100
_MIGRATION, _PAGE, _FOLDED = 42, 20_000, 50_000
# Half a million movements in each of four more currencies, with as many rows of figures.
_MORE = """
INSERT INTO figures SELECT minutes, start, livemode, code, movements, received, refunded, disputed, usd, without_value,
                           paid, failed, expired, abandoned
FROM figures CROSS JOIN unnest('{EUR,GBP,SEK,BTC}'::text []) AS code WHERE currency = 'USD'
"""


def figures() -> Iterator[Figure]:
    site = str(uuid4())
    environment = {
        "WIX_APP_ID": wix.APP_ID, "WIX_APP_SECRET": wix.APP_SECRET, "WIX_APP_PUBLIC_KEY": wix.public_key(),
        "WIX_OWNER_INSTANCES": site, "RATE_LIMIT": "1000000",
    }  # fmt: skip
    # A day less, since it may be tomorrow already in a zone; longer periods are rejected.
    first = (datetime.now(UTC) - timedelta(days=364)).date()
    with postgres(max_wal_size="4GB", shared_buffers="512MB") as server:
        migrate(server)
        asyncio.run(_fill(server.dsn()))
        with running_api(server, **environment) as api:
            for what, path, is_new in (
                ("the overview of 30 days", "overview?zone=Europe/Berlin", False),
                ("the overview of 30 days, after each payment", "overview?zone=Europe/Berlin", True),
                ("the overview of a year", f"overview?from={first}&zone=Europe/Berlin", False),
                ("the overview of a year, after each payment", f"overview?from={first}&zone=Europe/Berlin", True),
                ("the same, where days begin at a quarter", f"overview?from={first}&zone=Asia/Kathmandu", True),
                ("the first page of payments", "payments", False),
                ("payments in review", "payments?status=failed&limit=200", False),
                ("a payment, searched by its charge", "payments?search=charge77", False),
            ):
                took = []
                for _ in range(TIMES):
                    if is_new:
                        asyncio.run(_forgotten(server.dsn()))
                    took.append(_asked(api, site, path))
                say(f"{what}: p50 {percentile(took, 0.5):.0f} ms, p99 {percentile(took, 0.99):.0f} ms")
                yield Figure(f"p99 of {what}, over {ROWS:,} payments", percentile(took, 0.99), WITHIN, unit=" ms")


async def _fill(dsn: str) -> None:
    conn = await asyncpg.connect(dsn)
    await fill(conn, ROWS)
    await _count(conn)
    await conn.execute(_MORE, timeout=300)
    await conn.execute("VACUUM ANALYZE", timeout=600)
    say(f"{await conn.fetchval('SELECT count(*) FROM figures'):,} rows of figures")
    await conn.close()


async def _count(conn: asyncpg.Connection) -> None:
    """As the migration counts the rows that it finds, and pods add them up."""
    (page,) = [step for step in read_migrations(migrations_folder())[_MIGRATION].steps if step.mode == "batched"]
    started, cursor, rows = time.monotonic(), None, 1
    await conn.execute("CREATE INDEX figure_changes_payment_idx ON figure_changes (payment_id)")
    while rows:
        found = await conn.fetchrow(page.sql, cursor, _PAGE, timeout=300)
        assert found is not None
        cursor, rows = found["cursor"] or cursor, found["rows"]
    await conn.execute("DROP INDEX figure_changes_payment_idx")
    say(f"counted by the migration in {time.monotonic() - started:.0f} s")
    started = time.monotonic()
    while await store.fold(conn, _FOLDED):
        pass
    say(f"added up in {time.monotonic() - started:.0f} s")


async def _forgotten(dsn: str) -> None:
    """Have the pod read all figures again, as after a payment."""
    conn = await asyncpg.connect(dsn)
    await conn.execute("UPDATE figures_stamp SET stamp = gen_random_uuid()")
    await conn.close()


def _asked(api: Api, site: str, path: str) -> float:
    """Milliseconds until the whole answer is here."""
    request = Request(f"{api.url}/api/v1/wix/{path}", headers=wix.owner(site))
    started = time.perf_counter()
    with urlopen(request, timeout=30) as answer:
        answer.read()
    return (time.perf_counter() - started) * 1000
