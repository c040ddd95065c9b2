"""Events that grant credits: what one of them costs by itself, and a minute of them beside each other."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias
from uuid import UUID

import asyncpg
import psutil
import uvloop
from bench import open_loop, sold, stripe_stand_in
from bench.api_process import migrate, running_api
from bench.figures import Figure, percentile, say
from bench.open_loop import Message
from bench.servers import GENERATOR_CORE, SERVER_CORE, cpu_seconds, postgres
from bench.signed import SECRET
from bench.stripe_stand_in import StandIn
from prometheus_client import CollectorRegistry

from hingecraft import process
from hingecraft.inbox import worker as looking
from hingecraft.inbox.model import InboundEvent
from hingecraft.inbox.service import Inbox
from hingecraft.inbox.worker import Worker
from hingecraft.money import book
from hingecraft.providers.patience import Deadline
from hingecraft.providers.stripe import webhook
from hingecraft.settings import DsnSecret
from hingecraft_api.app import build_pod
from hingecraft_sandbox.postgres import Postgres
from support.credits import WRONG
from support.pods import settings_of
from support.sandbox import STRIPE_KEY

SESSIONS, INVOICES, WITHIN = 200, 50, 10
SECONDS = int(os.environ.get("GRANTS_BENCH_SECONDS", "60"))
USERS, WARM_SECONDS = 5_000, 2
# What a pod asks of Stripe with a live key.
STRIPE_RATE = 80
ALONE, WARM = 300, 20
TRANSACTIONS = "SELECT xact_commit, xact_rollback FROM pg_stat_database WHERE datname = 'postgres'"
# Seconds that passed, that were spent on the processors, and that were waited for one, also during calls to Stripe.
Seconds: TypeAlias = tuple[float, float, float]
BALANCES = "SELECT user_id, balance FROM credit_accounts"
BOOKED = """
SELECT (SELECT count(*) FROM credits_transactions) AS grants, (SELECT count(*) FROM settlements) AS settlements,
       (SELECT count(*) FROM payments WHERE status = 'completed') AS completed
"""


def run() -> Iterator[Figure]:
    with stripe_stand_in.running() as stripe:
        # Autovacuum has transactions of its own.
        with _database(autovacuum="off") as server:
            yield from _by_itself(server, stripe)
        with _database() as server:
            yield from _beside_each_other(server, stripe)


@contextmanager
def _database(**settings: str) -> Iterator[Postgres]:
    """On the generator's core."""
    with postgres(**settings) as server:
        migrate(server)
        for backend in (psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)):
            with suppress(psutil.NoSuchProcess):  # the connection of the migration may be ending
                backend.cpu_affinity([int(GENERATOR_CORE)])
        yield server


# One event after the other, in a pod's own parts.


def _by_itself(server: Postgres, stripe: StandIn) -> Iterator[Figure]:
    users = sold.members(WARM + WARM + ALONE)
    payments = asyncio.run(_sold(server, users))
    kinds = {
        "a paid session": [sold.paid_pack(*each) for each in payments],
        "a paid invoice": [sold.paid_invoice(user, 1) for user in users],
    }
    os.sched_setaffinity(0, {int(SERVER_CORE)})
    try:
        with _before_other_programs(server):
            for name, messages in kinds.items():
                took, committed, undone = uvloop.run(_measured(server, stripe, messages))
                passed, spent, waited = ([each[part] * 1000 for each in took] for part in range(3))
                say(f"{name}: {committed:.2f} transactions committed, {undone:.2f} rolled back; our own time p50 "
                    f"{percentile(passed, 0.5):.1f} ms, slowest {max(passed):.1f} ms; on the processors p50 "
                    f"{percentile(spent, 0.5):.1f} ms, slowest {max(spent):.1f} ms; waited for a processor p99 "
                    f"{percentile(waited, 0.99):.1f} ms, longest {max(waited):.1f} ms")  # fmt: skip
                yield Figure(f"transactions of {name} that grants", committed, 2)
                yield Figure("our own time of it, p99", percentile(passed, 0.99), 10, unit=" ms")
                yield Figure("of that on the processors, with Postgres', p99", percentile(spent, 0.99), 10, unit=" ms")
    finally:
        os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))


@contextmanager
def _before_other_programs(server: Postgres) -> Iterator[None]:
    """Let the pod and Postgres have their processors whenever they want them: what other programs take is not ours.

    Where that is not allowed, the time that they wait for others is in the figures; it is printed.
    """
    both = (psutil.Process(), psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True))
    with suppress(PermissionError):
        _schedule(both, os.SCHED_RR, 1)
    try:
        yield
    finally:
        _schedule((psutil.Process(),), os.SCHED_OTHER, 0)


def _schedule(processes: Sequence[psutil.Process], policy: int, priority: int) -> None:
    for each in processes:
        with suppress(ProcessLookupError):  # the connection of the migration may be ending
            os.sched_setscheduler(each.pid, policy, os.sched_param(priority))


async def _sold(server: Postgres, users: Sequence[UUID]) -> list[tuple[UUID, UUID]]:
    conn = await asyncpg.connect(server.dsn())
    await sold.customers(conn, list(dict.fromkeys(users)))
    payments = await sold.packs(conn, users)
    await conn.close()
    return payments


async def _measured(
    server: Postgres, stripe: StandIn, messages: Sequence[Message]
) -> tuple[list[Seconds], float, float]:
    """The seconds of each event, and the transactions of one, committed and rolled back.

    A pod that has just started plans each statement again on each connection, so its first events are not timed. The
    transactions of its start and of those events are in both runs, and so in neither figure.
    """
    counts: list[tuple[int, int]] = [await _transactions(server)]
    took: list[Seconds] = []
    for part in (messages[:WARM], messages[WARM:]):
        async with _working(server, stripe) as pod:
            took = [await pod.processed(body) for body, _ in part][WARM:]
        counts.append(await _transactions(server))
    first, second = ([now - then for now, then in zip(counts[n + 1], counts[n], strict=True)] for n in (0, 1))
    committed, undone = ((more - less) / ALONE for more, less in zip(second, first, strict=True))
    return took, committed, undone


@dataclass
class Working:
    """The inbox of a pod in which nothing polls, so that each transaction is an event's."""

    put: Callable[[InboundEvent], Awaitable[None]]
    server: Postgres
    outcomes: asyncio.Queue[str] = field(default_factory=asyncio.Queue)
    # In calls to Stripe: the seconds that passed, and those that this process spent.
    asked: tuple[float, float] = (0.0, 0.0)

    async def processed(self, body: bytes) -> Seconds:
        """From its arrival in the inbox until all of it is committed, without the calls to Stripe."""
        self.asked = (0.0, 0.0)
        servers, own = _used_by(self.server), _scheduled("self")
        spent, started = time.process_time(), time.perf_counter()
        await self.put(webhook.event_of(body))
        while await self.outcomes.get() != "applied":
            pass
        passed, spent = time.perf_counter() - started, time.process_time() - spent
        by_servers, by_us = _difference(_used_by(self.server), servers), _difference(_scheduled("self"), own)
        return passed - self.asked[0], spent + by_servers[0] - self.asked[1], by_servers[1] + by_us[1]


@asynccontextmanager
async def _working(server: Postgres, stripe: StandIn) -> AsyncIterator[Working]:
    usual = looking.LOOK_EVERY, book.FRESH_FOR
    looking.LOOK_EVERY = book.FRESH_FOR = 3600.0
    settings = settings_of(
        DsnSecret(server.dsn()), stripe_secret=STRIPE_KEY, stripe_api_base=stripe.address, stripe_rate=STRIPE_RATE
    )
    pod = build_pod(settings, CollectorRegistry())
    outcomes: asyncio.Queue[str] = asyncio.Queue()
    worker = Worker(pod.database, pod.worker.handlers, lambda _source, outcome: outcomes.put_nowait(outcome))
    found = Working(Inbox(pod.database, worker).put, server, outcomes)
    account, call = pod.providers.stripe.account, pod.providers.stripe.account.call

    async def timed(attempt: Callable[[], Awaitable[Any]], deadline: Deadline) -> Any:
        started, spent = time.perf_counter(), time.process_time()
        try:
            return await call(attempt, deadline)
        finally:
            found.asked = (time.perf_counter() - started, time.process_time() - spent)

    account.call = timed  # type: ignore[method-assign] # times the calls
    work = asyncio.create_task(worker.run())
    try:
        await asyncio.sleep(0.5)
        process.collect_rarely()
        yield found
    finally:
        await asyncio.sleep(0.5)
        looking.LOOK_EVERY, book.FRESH_FOR = usual
        work.cancel()
        await asyncio.wait([work])
        await pod.close()


def _used_by(server: Postgres) -> tuple[float, float]:
    """Seconds that its backends have spent on a processor, and that they have waited for one."""
    spent = waited = 0.0
    for backend in Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split():
        with suppress(OSError):  # it may be ending
            of_backend = _scheduled(backend)
            spent, waited = spent + of_backend[0], waited + of_backend[1]
    return spent, waited


def _scheduled(process: str) -> tuple[float, float]:
    """The same of one process."""
    spent, waited, _ = Path(f"/proc/{process}/schedstat").read_text().split()
    return int(spent) / 1e9, int(waited) / 1e9


def _difference(now: tuple[float, float], then: tuple[float, float]) -> tuple[float, float]:
    return now[0] - then[0], now[1] - then[1]


async def _transactions(server: Postgres) -> tuple[int, int]:
    """As Postgres counts them, once the connections that made them have ended."""
    conn = await asyncpg.connect(server.dsn("template1"))
    while await conn.fetchval("SELECT count(*) FROM pg_stat_activity WHERE datname = 'postgres'"):
        await asyncio.sleep(0.05)
    row = await conn.fetchrow(TRANSACTIONS)
    await conn.close()
    assert row is not None
    return row[0], row[1]


# A minute of them, at a pod on a core of its own.


def _beside_each_other(server: Postgres, stripe: StandIn) -> Iterator[Figure]:
    members = sold.members(USERS)
    messages, expected = asyncio.run(_made(server, members))
    first = WARM_SECONDS * (SESSIONS + 2 * INVOICES)
    environment = {"STRIPE_SECRET": STRIPE_KEY, "STRIPE_WEBHOOK_SECRET": SECRET, "STRIPE_API_BASE": stripe.address,
                   "STRIPE_RATE": str(STRIPE_RATE)}  # fmt: skip
    with running_api(server, **environment) as api:
        url = f"{api.url}/webhooks/stripe"
        os.sched_setaffinity(0, {int(GENERATOR_CORE)})
        try:
            asyncio.run(open_loop.send(url, messages[:first], SESSIONS + 2 * INVOICES))
            asyncio.run(open_loop.until_done(server.dsn(), 60))
            before = cpu_seconds(api.process), cpu_seconds(stripe.process), time.process_time()
            started = time.perf_counter()
            found = asyncio.run(open_loop.send(url, messages[first:], SESSIONS + 2 * INVOICES))
            passed = time.perf_counter() - started
            took = asyncio.run(open_loop.until_done(server.dsn(), 120))
            after = cpu_seconds(api.process), cpu_seconds(stripe.process), time.process_time()
        finally:
            os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))
    pod, stand_in, generator = (now - then for now, then in zip(after, before, strict=True))
    say(f"answered: p50 {statistics.median(found.seconds) * 1000:.1f} ms, p99 {found.p99 * 1000:.1f} ms; the pod used "
        f"{pod / passed:.2f} of its core, the stand-in for Stripe {stand_in / passed:.2f} of the other, "
        f"the generator {generator / passed:.2f}")  # fmt: skip
    yield Figure(f"p99 of an answer, {SESSIONS} sessions and {INVOICES} invoices/s", found.p99 * 1000, 100, unit=" ms")
    yield Figure("webhooks that were not taken", found.failed, 0)
    yield Figure("all processed after the last", took, WITHIN, unit=" s")
    yield Figure("differences between the ledger and what was sold", asyncio.run(_wrong(server, expected)), 0)


async def _made(server: Postgres, members: Sequence[UUID]) -> tuple[list[Message], Counter[UUID]]:
    """Messages in the order in which they are sent, and the credits that each member has bought with them."""
    seconds = SECONDS + WARM_SECONDS
    buyers = [members[number % len(members)] for number in range(seconds * SESSIONS)]
    payments = iter(await _sold(server, buyers))
    renewed = iter(members[number % len(members)] for number in range(seconds * INVOICES))
    messages: list[Message] = []
    expected: Counter[UUID] = Counter()
    for number in range(seconds * INVOICES):
        for _ in range(SESSIONS // INVOICES):
            payment, user = next(payments)
            messages.append(sold.paid_pack(payment, user))
            expected[user] += sold.PACK_CREDITS
        user = next(renewed)
        messages += [sold.paid_invoice(user, number, kind) for kind in ("invoice.paid", "invoice.payment_succeeded")]
        expected[user] += sold.PLAN_CREDITS
    return messages, expected


async def _wrong(server: Postgres, expected: Counter[UUID]) -> int:
    """Accounts unlike what was sold or unlike their rows, and grants, settlements and payments that lack or abound."""
    conn = await asyncpg.connect(server.dsn())
    accounts: dict[UUID, int] = {row["user_id"]: row["balance"] for row in await conn.fetch(BALANCES)}
    wrong = sum(accounts.get(user, 0) != credits_ for user, credits_ in expected.items())
    wrong += len(accounts.keys() - expected.keys()) + len(await conn.fetch(WRONG, timeout=300))
    number = (SECONDS + WARM_SECONDS) * (SESSIONS + INVOICES)
    booked = await conn.fetchrow(BOOKED)
    assert booked is not None
    await conn.close()
    return int(wrong + sum(abs(each - number) for each in booked.values()))
