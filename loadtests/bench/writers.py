"""The cost of our triggers for one client: databases on one server, most of them with triggers removed."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator
from uuid import uuid4

import asyncpg
from bench.figures import Figure, say
from bench.servers import postgres

from hingecraft.migrations.command import bring_up_to_date
from hingecraft.settings import DsnSecret
from hingecraft_sandbox.postgres import Postgres

ROUNDS = 9
TURNS = 60
WRITES_A_TURN = 20
COMPLETE, WITHOUT_ROUTES, WITHOUT_FIGURES, BARE = "complete", "without_routes", "without_figures", "bare"
# What our own code writes for a checkout that is paid, none of which is read by routes.
BEGUN = """
WITH payment AS (
    INSERT INTO payments (id, amount, currency, price_currency, status, provider, source, livemode, purpose)
    VALUES ($1, 5, 'USD', 'USD', 'pending', 'stripe', 'micro', false, 'donation') RETURNING id
)
INSERT INTO external_payments (payment_id, gateway, provider, currency, kind, status, provider_url, livemode,
                               idempotency_key, request)
SELECT id, 'stripe', 'stripe', 'USD', 'single', 'pending', 'https://pay.example/x', false, 'key', '{}' FROM payment
"""
COMPLETED = """
WITH completed AS (UPDATE payments SET status = 'completed' WHERE id = $1 RETURNING id)
INSERT INTO settlements (payment_id, provider, livemode, kind, provider_ref, amount, currency, usd_amount, purpose)
SELECT id, 'stripe', false, 'charge', 'ch_' || id, 5, 'USD', 5, 'donation' FROM completed
"""
LINK = """
INSERT INTO external_payments (gateway, provider, currency, kind, status, provider_url)
VALUES ('stripe', 'stripe', 'usd', 'standing', 'pending', 'https://buy.example/1')
"""
# `$1` are the functions of the triggers; NULL: all of them.
TAKE_OFF = """
SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass) FROM pg_trigger
WHERE NOT tgisinternal AND tgrelid = ANY ('{payments,external_payments,settlements}'::regclass [])
  AND ($1::text[] IS NULL OR tgfoid::regproc::text = ANY ($1))
"""
TAKEN_OFF = {
    WITHOUT_ROUTES: ["notify_hc_routes"],
    WITHOUT_FIGURES: ["hc_note_settlements", "hc_note_payment"],
    BARE: None,
}
Work = Callable[[asyncpg.Connection], Awaitable[None]]


def run() -> Iterator[Figure]:
    # As durable as production: a commit waits for its flush.
    with postgres(fsync="on", synchronous_commit="on", full_page_writes="on") as server:
        quiet, counted, paid, notifying = asyncio.run(_compare(server))
    say(f"a checkout that is paid takes {paid:.2f} times one without any trigger, books and figures included, and "
        f"{counted:.2f} times one without those of the dashboard's figures; "
        f"a write that wakes listeners {notifying:.2f} times one without triggers (reported, no bound)")  # fmt: skip
    yield Figure("a write that routes do not read, with the triggers of routes against without", quiet, 1.1)


async def _compare(server: Postgres) -> tuple[float, float, float, float]:
    connections = {name: await _prepared(server, name) for name in (COMPLETE, *TAKEN_OFF)}
    paid = await _times(connections, _paid_checkouts)
    notifying = await _times(connections, _links)
    for connection in connections.values():
        await connection.close()
    quiet, counted, whole = (_ratio(paid, other) for other in TAKEN_OFF)
    return quiet, counted, whole, _ratio(notifying, BARE)


async def _prepared(server: Postgres, name: str) -> asyncpg.Connection:
    admin = await asyncpg.connect(server.dsn())
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    await bring_up_to_date(DsnSecret(server.dsn(name)), "hingecraft_app", lambda _line: None)
    connection = await asyncpg.connect(server.dsn(name))
    if name in TAKEN_OFF:
        for (statement,) in await connection.fetch(TAKE_OFF, TAKEN_OFF[name]):
            await connection.execute(statement)
    return connection


async def _times(connections: dict[str, asyncpg.Connection], work: Work) -> list[dict[str, float]]:
    """Seconds of each round; within a round all take short turns, so that noise meets them alike."""
    rounds = []
    for _ in range(ROUNDS):
        took = dict.fromkeys(connections, 0.0)
        for turn in range(TURNS):
            for name in connections if turn % 2 else reversed(connections):
                started = time.monotonic()
                await work(connections[name])
                took[name] += time.monotonic() - started
        rounds.append(took)
    return rounds


def _ratio(rounds: list[dict[str, float]], other: str) -> float:
    return statistics.median(took[COMPLETE] / took[other] for took in rounds)


async def _paid_checkouts(connection: asyncpg.Connection) -> None:
    for _ in range(WRITES_A_TURN):
        payment = uuid4()
        await connection.execute(BEGUN, payment)
        await connection.execute(COMPLETED, payment)


async def _links(connection: asyncpg.Connection) -> None:
    for _ in range(WRITES_A_TURN):
        await connection.execute(LINK)
