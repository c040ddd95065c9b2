"""NOWPayments says nothing for a minute while its IPNs come: how long Stripe's events wait for that."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Iterator

import aiohttp
import asyncpg
from bench import given
from bench.api_process import running_api
from bench.figures import Figure, say
from bench.signed import SECRET, signed

from hingecraft_sandbox.postgres import Postgres, free_port
from support.sandbox import STRIPE_KEY

CARDS, IPNS = 20, 5
QUIET, HANGING = 15, 60
IPN_SECRET = "ipn-bench"
DELAY = """
SELECT percentile_cont(0.99) WITHIN GROUP (ORDER BY extract(epoch FROM processed_at - received_at))::float8 AS p99,
       count(*) FILTER (WHERE processed_at IS NULL) AS waiting, count(*) AS all
FROM provider_events WHERE source = 'stripe' AND event_id = ANY ($1)
"""


def figures(server: Postgres) -> Iterator[Figure]:
    """A pod of its own, with a NOWPayments that takes connections and never answers."""
    port = free_port()
    with running_api(
        server, STRIPE_SECRET=STRIPE_KEY, STRIPE_WEBHOOK_SECRET=SECRET, STRIPE_API_BASE="http://127.0.0.1:9",
        NOWPAYMENTS_API_KEY="a-key-of-this-bench", NOWPAYMENTS_IPN_SECRET=IPN_SECRET,
        NOWPAYMENTS_API_BASE=f"http://127.0.0.1:{port}/v1",
    ) as api:  # fmt: skip
        quiet, hanging, lost = asyncio.run(_measured(server.dsn("postgres"), api.url, port))
    say(f"from received to processed, p99: {quiet * 1000:.0f} ms, {hanging * 1000:.0f} ms while NOWPayments hangs")
    yield Figure("Stripe's events that were not processed while NOWPayments hung", lost, 0)
    yield Figure("p99 of their delay by that", hanging - quiet, 1.0, unit=" s")


async def _measured(dsn: str, url: str, port: int) -> tuple[float, float, int]:
    # A protocol without methods takes connections and reads, and never answers.
    provider = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", port)
    conn = await asyncpg.connect(dsn)
    try:
        async with aiohttp.ClientSession() as client:
            quiet = await _cards(client, conn, url, QUIET)
            ipns = asyncio.create_task(_ipns(client, url))
            hanging = await _cards(client, conn, url, HANGING)
            await ipns
        await asyncio.sleep(2)
        (before,), (during,) = [await conn.fetch(DELAY, ids) for ids in (quiet, hanging)]
    finally:
        await conn.close()
        provider.close()
    return before["p99"], during["p99"], during["waiting"] + len(hanging) - during["all"]


async def _cards(client: aiohttp.ClientSession, conn: asyncpg.Connection, url: str, seconds: int) -> list[str]:
    """Each completes a payment of its own."""
    payments = [str(uuid.uuid4()) for _ in range(CARDS * seconds)]
    await given.pending(conn, payments)
    started = time.perf_counter()
    for number, payment in enumerate(payments):
        await asyncio.sleep(max(0.0, started + number / CARDS - time.perf_counter()))
        body, signature = signed(payment)
        headers = {"Stripe-Signature": signature, "Content-Type": "application/json"}
        async with client.post(f"{url}/webhooks/stripe", data=body, headers=headers) as response:
            response.raise_for_status()
    return [f"evt_{payment}" for payment in payments]


async def _ipns(client: aiohttp.ClientSession, url: str) -> None:
    for number in range(IPNS * HANGING):
        document = {"payment_id": 5_000_000_000 + number, "payment_status": "waiting"}
        body = json.dumps(document, separators=(",", ":")).encode()
        signature = hmac.new(IPN_SECRET.encode(), body, hashlib.sha512).hexdigest()
        headers = {"x-nowpayments-sig": signature, "Content-Type": "application/json"}
        async with client.post(f"{url}/webhooks/nowpayments", data=body, headers=headers) as response:
            response.raise_for_status()
        await asyncio.sleep(1 / IPNS)
