"""Routes follow what is given and saved: standing links come and go by themselves, a single payer's never shows."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from hingecraft.outbox.model import Endpoint
from hingecraft.routes.store import CHANNEL
from hingecraft.sync.changes import Timing
from support.engines import running_engine
from support.limits import PROGRESS
from support.pods import ADMIN, running_pod
from support.receiver import receiving

MICRO = "/mission-support/micro-payment"
SINGLE_USE = {"publish": {"singleUseCheckouts": True}}
LINK = """
INSERT INTO external_payments (gateway, currency, provider_url, expires_at)
VALUES ('stripe', 'usd', 'https://buy.example/1', now() + interval '1 hour')
"""
EXPIRES = (
    "UPDATE external_payments SET expires_at = now() + interval '1 s' WHERE provider_url = 'https://buy.example/1'"
)


@pytest.fixture
async def running(dsn, sandbox):
    """Three pods, an engine, and the site's endpoint."""
    async with AsyncExitStack() as stack:
        site = await stack.enter_async_context(receiving())
        pods = [await stack.enter_async_context(running_pod(dsn, **sandbox.settings)) for _ in range(3)]
        endpoints = [Endpoint(name="site", url=site.url, events=("routes.updated",))]
        # No rebuild comes without a change.
        timing = Timing(leading=False, resync=3600)
        engine = await stack.enter_async_context(running_engine(dsn, [pod.internal for pod in pods], endpoints, timing))
        await engine.until(1)
        yield pods, engine, site


async def url_of(pod):
    _, answer = await pod.call("GET", "/routes")
    return answer["data"]["routes"]["USD"]["url"]


def rebuilds(engine):
    return engine.count("published") + engine.count("unchanged")


async def test_where_the_policy_asks_for_it_a_payers_session_is_published_everywhere(running, conn):
    pods, engine, site = running
    before = rebuilds(engine)
    await pods[0].call("PATCH", "/admin/policy", headers=ADMIN, json=SINGLE_USE)
    async with asyncio.timeout(PROGRESS):
        while rebuilds(engine) == before:
            await asyncio.sleep(0.01)
    version = await conn.fetchval("SELECT max(version) FROM payment_routes") + 1
    _, answer = await pods[0].call("POST", MICRO, json={"amount": 5})
    await engine.until(version)
    for pod in pods:
        assert await url_of(pod) == answer["data"]["url"]
    async with asyncio.timeout(PROGRESS):
        while not any(event["data"]["version"] == version for event in site.events):
            await asyncio.sleep(0.01)


async def test_a_single_payers_session_stays_out_and_wakes_nobody(running, conn):
    """The notification of a change that comes after it is the only one: they come in the order of the commits."""
    pods, engine, _ = running
    version = engine.served[-1].version
    heard: asyncio.Queue[str] = asyncio.Queue()
    await conn.add_listener(CHANNEL, lambda _conn, _pid, _channel, payload: heard.put_nowait(payload))
    for _ in range(3):
        assert (await pods[0].call("POST", MICRO, json={"amount": 5}))[0] == 200
    assert await url_of(pods[1]) is None
    await conn.execute("UPDATE currencies SET enabled = false WHERE code = 'CHF'")
    await conn.execute("SELECT pg_notify($1, 'the end')", CHANNEL)
    async with asyncio.timeout(PROGRESS):
        assert [await heard.get(), await heard.get()] == ["", "the end"]
    await engine.until(version + 1)


async def test_even_then_a_session_with_an_email_stays_out(running, conn):
    pods, _, _ = running
    await pods[0].call("PATCH", "/admin/policy", headers=ADMIN, json=SINGLE_USE)
    body = {"amount": 5, "currency": "USD", "email": "ada@example.com"}
    assert (await pods[0].call("POST", "/charter/generate-payment", json=body))[0] == 200
    await pods[0].call("POST", "/admin/refresh", headers=ADMIN)
    assert await url_of(pods[0]) is None


async def test_a_standing_link_appears_everywhere_and_leaves_when_it_expires(running, conn):
    pods, engine, _ = running
    before = engine.served[-1].version
    await conn.execute(LINK)
    await engine.until(before + 1)
    assert [await url_of(pod) for pod in pods] == ["https://buy.example/1"] * 3
    await conn.execute(EXPIRES)
    async with asyncio.timeout(PROGRESS):
        while [await url_of(pod) for pod in pods] != [None] * 3:
            await asyncio.sleep(0.05)
