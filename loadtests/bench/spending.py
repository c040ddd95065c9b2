"""Credits: reading a balance at ten million rows, spends over HTTP, and spends only in the database."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterator
from uuid import UUID

import asyncpg
import psutil
from bench.api_process import migrate, running_api
from bench.figures import Figure, percentile, say
from bench.servers import GENERATOR_CORE, SERVER_CORE, postgres
from bench.wrk import wrk

from hingecraft.credits import model, service, store
from hingecraft.db.connection import Database
from hingecraft.settings import DsnSecret
from hingecraft_sandbox.postgres import Postgres
from support.credits import WRONG

ROWS = int(os.environ.get("CREDITS_BENCH_ROWS", "10000000"))
# A tenth of all rows are of one user.
HOT = UUID(int=1)
USERS = 20_000
SECONDS = 10
SERVICE_TOKEN = "a-service-token-of-this-benchmark"
FILL = f"""
SET session_replication_role = replica;
ALTER TABLE credits_transactions DROP CONSTRAINT credits_transactions_ref_key;
DROP INDEX credits_transactions_user_idx;
INSERT INTO credits_transactions (id, user_id, delta, reason, ref, balance_after)
SELECT n, CASE WHEN n % 10 = 0 THEN '{HOT}'::uuid
               ELSE lpad(to_hex(n % {USERS} + 2), 32, '0')::uuid END, 1, 'bench', 'b' || n, 1
FROM generate_series(1, {ROWS}) n;
SELECT setval('credits_transactions_sequence', {ROWS});
ALTER TABLE credits_transactions ADD CONSTRAINT credits_transactions_ref_key UNIQUE (ref);
CREATE INDEX credits_transactions_user_idx ON credits_transactions (user_id, id DESC NULLS LAST) INCLUDE (delta);
INSERT INTO credit_accounts (user_id, balance, transaction_count, first_transaction, last_transaction)
SELECT user_id, sum(delta), count(*), min(created_at), max(created_at) FROM credits_transactions GROUP BY user_id;
RESET session_replication_role;
"""
SUM = "SELECT sum(delta) FROM credits_transactions WHERE user_id = $1"
# wrk's own language: each request has a reference of its own.
SPENDS = """
local number, started = 0, os.time()
request = function()
  number = number + 1
  local user = string.format("00000000-0000-0000-0000-%012x", {user})
  local body = string.format('{{"userId":"%s","amount":1,"reference":"{run}-%d-%d"}}', user, started, number)
  return wrk.format("POST", nil, nil, body)
end
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {token}"
"""
# Every tenth row is the hot user's, so every tenth of the others has none.
WHO = {"many": f"2 + number % {USERS} + (number % 10 == 0 and 1 or 0)", "hot": "1"}


def run() -> Iterator[Figure]:
    with postgres(max_wal_size="4GB", shared_buffers="512MB") as server:
        migrate(server)
        started = time.monotonic()
        asyncio.run(_fill(server))
        say(f"{ROWS:,} rows filled in in {time.monotonic() - started:.0f} s")
        yield from asyncio.run(_balances(server))
        yield from asyncio.run(_hot_in_the_database(server))
        for process in (psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)):
            process.cpu_affinity([int(GENERATOR_CORE)])
        yield from _over_http(server)
        yield Figure("accounts and rows that disagree afterwards", asyncio.run(_wrong(server)), 0)


async def _fill(server: Postgres) -> None:
    conn = await asyncpg.connect(server.dsn())
    await conn.execute("SET maintenance_work_mem = '512MB'; SET work_mem = '256MB'")
    await conn.execute(FILL)
    grant = model.adjustment(HOT, model.MOST_CREDITS, "enough for every run", "bench")
    await store.write(conn, [grant])
    await conn.execute("VACUUM ANALYZE credits_transactions")
    await conn.execute("VACUUM ANALYZE credit_accounts")
    await conn.close()


async def _balances(server: Postgres) -> list[Figure]:
    database = Database(DsnSecret(server.dsn()), application="bench", largest=1)
    took = []
    for _ in range(3_000):
        started = time.perf_counter()
        found = await service.balance(database, HOT)
        took.append(time.perf_counter() - started)
    assert found.transactions == ROWS // 10 + 1
    sums = []
    async with database.connection() as conn:
        for _ in range(7):
            started = time.perf_counter()
            await conn.fetchval(SUM, HOT)
            sums.append(time.perf_counter() - started)
        plan = await conn.fetchval(f"EXPLAIN (FORMAT json) {store.BALANCE}".replace("$1", f"'{HOT}'"))
        page = await conn.fetchval(
            f"EXPLAIN (FORMAT json) {store.PAGE}".replace("$1", f"'{HOT}'")
            .replace("$2", "9e15::int8")
            .replace("$3", "50")
        )
    await database.close()
    for name, text in (("balance", plan), ("page of transactions", page)):
        say(f"plan of a {name}: {', '.join(_nodes(json.loads(text)[0]['Plan']))}")
    p99, of_sum = percentile(took, 0.99), percentile(sums, 0.5)
    say(f"balance: p50 {percentile(took, 0.5) * 1000:.2f} ms; sum of {ROWS // 10:,} rows: {of_sum * 1000:.0f} ms")
    return [
        Figure("balance of a user with a tenth of all rows, p99", p99 * 1000, 5, unit=" ms"),
        Figure("times faster than summing", of_sum / percentile(took, 0.5), 50, at_least=True),
        Figure("sequential scans in both plans", (plan + page).count("Seq Scan"), 0),
    ]


def _nodes(node: dict[str, object]) -> list[str]:
    index = f" using {node['Index Name']}" if "Index Name" in node else ""
    inner = node.get("Plans", [])
    assert isinstance(inner, list)
    return [f"{node['Node Type']}{index}", *(name for each in inner for name in _nodes(each))]


async def _hot_in_the_database(server: Postgres, at_once: int = 100, connections: int = 1) -> list[Figure]:
    """As pods write them: those that wait go together."""
    took: list[float] = []
    until = time.perf_counter() + SECONDS

    async def writer(name: int) -> None:
        conn = await asyncpg.connect(server.dsn())
        turn = 0
        while time.perf_counter() < until:
            turn += 1
            entries = [model.spend(HOT, 1, f"db-{name}-{turn}-{number}", "bench") for number in range(at_once)]
            started = time.perf_counter()
            done = await store.write(conn, entries)
            took.append(time.perf_counter() - started)
            assert {each.outcome for each in done} == {model.Outcome.WRITTEN}
        await conn.close()

    began = time.perf_counter()
    await asyncio.gather(*(writer(name) for name in range(connections)))
    rate = len(took) * at_once / (time.perf_counter() - began)
    return [
        Figure("spends a second on one hot account, only in the database", rate, 10_000, at_least=True, unit="/s"),
        Figure("such a spend, p99", percentile(took, 0.99) * 1000, 20, unit=" ms"),
    ]


def _over_http(server: Postgres) -> Iterator[Figure]:
    bounds = {"many": (1_000, "across many users"), "hot": (500, "of one hot user")}
    with running_api(server, SERVICE_TOKEN=SERVICE_TOKEN) as api:
        for name, (bound, whose) in bounds.items():
            for warm in (True, False):
                script = SPENDS.format(user=WHO[name], run=f"{name}-{warm}", token=SERVICE_TOKEN)
                load = wrk(f"{api.url}/api/v1/credits/spend", 2 if warm else SECONDS, script=script)
            say(f"{whose}: p99 {load.p99_ms:.0f} ms on core {SERVER_CORE}")
            yield Figure(f"spends a second over HTTP {whose}", load.requests / SECONDS, bound, at_least=True, unit="/s")
            yield Figure(f"spends {whose} that failed", load.failures, 0)


async def _wrong(server: Postgres) -> int:
    conn = await asyncpg.connect(server.dsn())
    # The rows that were filled in say nothing of the balance after them.
    compared = WRONG.partition("UNION ALL")[0]
    wrong: int = len(await conn.fetch(compared, timeout=300))
    wrong += await conn.fetchval("SELECT count(*) FROM credit_accounts WHERE balance < 0")
    await conn.close()
    return wrong
