"""Designs that are paid on our own page: from paying to access, and a minute of them beside changed subscriptions."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from uuid import UUID

import asyncpg
from bench import open_loop, sold, stripe_stand_in
from bench.api_process import migrate, running_api
from bench.figures import Figure, say
from bench.open_loop import Message
from bench.servers import GENERATOR_CORE, cpu_seconds, postgres
from bench.signed import SECRET
from bench.stripe_stand_in import StandIn

from hingecraft.settings import DsnSecret
from hingecraft_sandbox.postgres import Postgres, free_port
from support.buying import DESIGN, Buyer, add_product
from support.folders import open_folder
from support.pods import running_pod
from support.sandbox import STRIPE_KEY, Sandbox
from support.tokens import SETTINGS

INTENTS, SUBSCRIPTIONS, WITHIN = 200, 50, 10
SECONDS = int(os.environ.get("INTENTS_BENCH_SECONDS", "60"))
WARM_SECONDS = 2
# What a pod asks of Stripe with a live key.
STRIPE_RATE = 80
BUYERS = 30
PRODUCT = UUID(int=0x2000)
ADD_PRODUCT = """
INSERT INTO products (id, type, name, price, currency, active, file, download_limit)
VALUES ($1, 'design', 'Brass hinge', 5, 'USD', true, 'brass.zip', 3)
"""
WITHOUT_ACCESS = """
SELECT count(*) FROM payments p WHERE p.status = 'completed' AND NOT EXISTS (
    SELECT FROM purchases b JOIN entitlements e ON e.purchase_id = b.id
    WHERE b.payment_id = p.id AND b.status = 'active' AND e.revoked_because IS NULL
)
"""
BOOKED = """
SELECT (SELECT count(*) FROM payments WHERE status = 'completed') AS completed,
       (SELECT count(*) FROM settlements) AS settlements, (SELECT count(*) FROM entitlements) AS entitlements
"""


def run() -> Iterator[Figure]:
    with postgres() as server:
        migrate(server)
        yield asyncio.run(_from_paying_to_access(server))
    with stripe_stand_in.running() as stripe, postgres() as server:
        migrate(server)
        yield from _beside_each_other(server, stripe)


async def _from_paying_to_access(server: Postgres) -> Figure:
    """One buyer after the other, by the sandbox's own webhooks."""
    took = []
    with open_folder() as folder:
        sandbox = Sandbox(folder)
        await sandbox.start()
        try:
            await sandbox.ready()
            port = free_port()
            address = f"http://127.0.0.1:{port}"
            await sandbox.tells(address)
            settings = {**sandbox.settings, **SETTINGS, "port": port, "public_url": address}
            async with running_pod(DsnSecret(server.dsn()), **settings) as pod:
                product = await add_product(pod, DESIGN)
                for _ in range(BUYERS):
                    buyer = Buyer(pod)
                    begun = await buyer.begin(product)
                    started = time.perf_counter()
                    await sandbox.act_on_intent(begun["intent"], "pay")
                    await buyer.gets(product, "owned")
                    took.append(time.perf_counter() - started)
        finally:
            await sandbox.stop()
    say(f"from paying to access: slowest of {BUYERS} {max(took):.2f} s")
    return Figure("from paying at the sandbox to access, p50", statistics.median(took), 2, unit=" s")


def _beside_each_other(server: Postgres, stripe: StandIn) -> Iterator[Figure]:
    rate = INTENTS + SUBSCRIPTIONS
    messages = asyncio.run(_made(server, sold.members((SECONDS + WARM_SECONDS) * INTENTS)))
    first = WARM_SECONDS * rate
    environment = {"STRIPE_SECRET": STRIPE_KEY, "STRIPE_WEBHOOK_SECRET": SECRET, "STRIPE_API_BASE": stripe.address,
                   "STRIPE_RATE": str(STRIPE_RATE)}  # fmt: skip
    with running_api(server, **environment) as api:
        url = f"{api.url}/webhooks/stripe"
        os.sched_setaffinity(0, {int(GENERATOR_CORE)})
        try:
            asyncio.run(open_loop.send(url, messages[:first], rate))
            asyncio.run(open_loop.until_done(server.dsn(), 60))
            before, started = cpu_seconds(api.process), time.perf_counter()
            found = asyncio.run(open_loop.send(url, messages[first:], rate))
            used = (cpu_seconds(api.process) - before) / (time.perf_counter() - started)
            took = asyncio.run(open_loop.until_done(server.dsn(), 120))
        finally:
            os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))
    say(f"answered: p50 {statistics.median(found.seconds) * 1000:.1f} ms, p99 {found.p99 * 1000:.1f} ms; the pod used "
        f"{used:.2f} of its core")  # fmt: skip
    what = f"p99 of an answer, {INTENTS} paid intents and {SUBSCRIPTIONS} changed subscriptions/s"
    yield Figure(what, found.p99 * 1000, 100, unit=" ms")
    yield Figure("webhooks that were not taken", found.failed, 0)
    yield Figure("all processed after the last", took, WITHIN, unit=" s")
    yield Figure("paid without access, and differences from what was sold", asyncio.run(_wrong(server)), 0)


async def _made(server: Postgres, users: Sequence[UUID]) -> list[Message]:
    conn = await asyncpg.connect(server.dsn())
    await sold.customers(conn, users)
    await conn.execute(ADD_PRODUCT, PRODUCT)
    payments = iter(await sold.intents(conn, PRODUCT, users))
    await conn.close()
    messages: list[Message] = []
    for number in range((SECONDS + WARM_SECONDS) * SUBSCRIPTIONS):
        messages += [sold.paid_intent(*next(payments)) for _ in range(INTENTS // SUBSCRIPTIONS)]
        messages.append(sold.changed_subscription(users[number], number))
    return messages


async def _wrong(server: Postgres) -> int:
    """Payments without access; and payments, settlements, entitlements and subscriptions that lack or abound."""
    conn = await asyncpg.connect(server.dsn())
    wrong = await conn.fetchval(WITHOUT_ACCESS)
    booked = await conn.fetchrow(BOOKED)
    subscriptions = await conn.fetchval("SELECT count(*) FROM subscriptions WHERE status = 'active'")
    await conn.close()
    assert booked is not None
    seconds = SECONDS + WARM_SECONDS
    wrong += sum(abs(each - seconds * INTENTS) for each in booked.values())
    return int(wrong + abs(subscriptions - seconds * SUBSCRIPTIONS))
