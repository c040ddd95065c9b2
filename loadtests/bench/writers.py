"""The cost of our triggers for one client: two databases on one server, one with its triggers removed."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from uuid import uuid4

import asyncpg
from bench.common import Figure, postgres, say

from hingecraft.migrations.command import bring_up_to_date
from hingecraft.settings import DsnSecret
from hingecraft_sandbox.postgres import Postgres

ROUNDS = 9
TURNS = 60
WRITES_A_TURN = 20
PLAIN, WATCHED = "plain", "watched"
# What our own code writes for a checkout, none of which is read by routes.
CHECKOUT = """
INSERT INTO external_payments (payment_id, gateway, provider, currency, kind, status, provider_url,
                               idempotency_key, request)
VALUES ($1, 'stripe', 'stripe', 'USD', 'single', 'pending', 'https://pay.example/x', 'key', '{}')
"""
PAYMENT = "INSERT INTO payments (id, amount, currency, status) VALUES ($1, 5, 'USD', 'pending')"
COMPLETED = "UPDATE payments SET status = 'completed' WHERE id = $1"
LINK = """
INSERT INTO external_payments (gateway, provider, currency, kind, status, provider_url)
VALUES ('stripe', 'stripe', 'usd', 'standing', 'pending', 'https://buy.example/1')
"""
TAKE_OFF = """
DO $$ DECLARE t record; BEGIN
    FOR t IN SELECT tgname, tgrelid::regclass AS owner FROM pg_trigger WHERE NOT tgisinternal
        AND tgrelid IN ('payments'::regclass, 'external_payments'::regclass)
    LOOP EXECUTE format('DROP TRIGGER %I ON %s', t.tgname, t.owner); END LOOP;
END $$
"""
Work = Callable[[asyncpg.Connection], Awaitable[None]]


def run() -> Iterator[Figure]:
    # As durable as production: a commit waits for its flush, which is most of what a write costs.
    with postgres(fsync="on", synchronous_commit="on", full_page_writes="on") as server:
        quiet, notifying = asyncio.run(_compare(server))
    say(f"a write that wakes listeners takes {notifying:.2f} times one without triggers (reported, no bound)")
    yield Figure("a write that routes do not read, with our triggers against without", quiet, 1.1)


async def _compare(server: Postgres) -> tuple[float, float]:
    connections = {name: await _prepared(server, name) for name in (PLAIN, WATCHED)}
    quiet = await _ratio(connections, _quiet_writes)
    notifying = await _ratio(connections, _notifying_writes)
    for connection in connections.values():
        await connection.close()
    return quiet, notifying


async def _prepared(server: Postgres, name: str) -> asyncpg.Connection:
    admin = await asyncpg.connect(server.dsn())
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    await bring_up_to_date(DsnSecret(server.dsn(name)), "hingecraft_app", lambda _line: None)
    connection = await asyncpg.connect(server.dsn(name))
    if name == PLAIN:
        await connection.execute(TAKE_OFF)
    return connection


async def _ratio(connections: dict[str, asyncpg.Connection], work: Work) -> float:
    """Median of the rounds; within a round both take short turns, so that noise meets them alike."""
    ratios = []
    for _ in range(ROUNDS):
        took = dict.fromkeys(connections, 0.0)
        for turn in range(TURNS):
            for name in (PLAIN, WATCHED) if turn % 2 else (WATCHED, PLAIN):
                started = time.monotonic()
                await work(connections[name])
                took[name] += time.monotonic() - started
        ratios.append(took[WATCHED] / took[PLAIN])
    return statistics.median(ratios)


async def _quiet_writes(connection: asyncpg.Connection) -> None:
    for _ in range(WRITES_A_TURN):
        payment = uuid4()
        await connection.execute(PAYMENT, payment)
        await connection.execute(CHECKOUT, payment)
        await connection.execute(COMPLETED, payment)


async def _notifying_writes(connection: asyncpg.Connection) -> None:
    for _ in range(WRITES_A_TURN):
        await connection.execute(LINK)
