"""Two pods whose clocks are eight minutes apart: claims, expiry and ages follow only the database's clock."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from support.clocks import environment
from support.folders import open_folder
from support.money import all_processed, becomes
from support.processes import ApiProcess
from support.sandbox import Sandbox

MICRO = "/mission-support/micro-payment"
FAST, SLOW = "+4m", "-4m"


async def post(pod, path, body, key=None):
    headers = {"Idempotency-Key": key} if key else {}
    async with aiohttp.ClientSession() as client:
        async with client.post(pod.public + path, json=body, headers=headers) as response:
            return response.status, await response.json()


@pytest.fixture
async def apart(dsn):
    """A pod that is late, one that is early, and the sandbox, which has the right time."""
    with open_folder() as folder:
        sandbox = Sandbox(folder)
        await sandbox.start()
        await sandbox.ready()
        settings = {**sandbox.environment, "RATE_LIMIT": "100000"}
        pods = [ApiProcess(folder, offset, dsn.newest, **settings, **environment(offset)) for offset in (SLOW, FAST)]
        try:
            for pod in pods:
                await pod.start()
            for pod in pods:
                await pod.until("/ready", 200)
            yield sandbox, *pods
        finally:
            for pod in pods:
                await pod.stop()
            await sandbox.stop()


async def test_one_key_at_both_is_one_payment(apart, conn):
    sandbox, slow, fast = apart
    for number in range(5):
        key = f"a-key-of-this-test-{number}"
        answers = await asyncio.gather(*(post(pod, MICRO, {"amount": 5}, key) for pod in (slow, fast) * 5))
        assert {status for status, _ in answers} == {200}
        (payment,) = {answer["data"]["paymentId"] for _, answer in answers}
        assert len(await sandbox.sessions(payment)) == 1
    assert await conn.fetchval("SELECT count(*) FROM payments") == 5


async def test_both_make_sessions_that_stripe_takes_and_hear_of_their_end(apart, conn):
    sandbox, slow, fast = apart
    for maker, told in ((slow, fast), (fast, slow)):
        await sandbox.tells(told.public)
        _, answer = await post(maker, MICRO, {"amount": 5})
        payment = answer["data"]["paymentId"]
        (session,) = await sandbox.sessions(payment)
        await sandbox.act(session["id"], "pay")
        await becomes(conn, payment, "completed")
    await all_processed(conn, at_least=6)
    assert await conn.fetchval("SELECT sum(amount) FROM settlements") == 10


async def test_a_prefill_lives_ten_minutes_for_both_and_is_read_once(apart, conn):
    _, slow, fast = apart
    for maker, reader in ((slow, fast), (fast, slow)):
        _, answer = await post(maker, "/mission-support/other", {"amount": 37.5})
        address = f"{reader.public}/prefill/{answer['data']['prefillId']}"
        async with aiohttp.ClientSession() as client:
            statuses = [(await client.get(address)).status for _ in range(2)]
        assert statuses == [200, 410]
    life = await conn.fetchval('SELECT max(expires_at - "_createdDate") FROM "ContributionIntent"')
    assert life.total_seconds() == 600


async def test_what_is_not_finished_is_not_helped_too_early(apart, conn):
    """To the early pod the checkout would look minutes old at once."""
    sandbox, slow, fast = apart
    await sandbox.fault("slow", method="POST", path="checkout/sessions", seconds=4)
    making = asyncio.create_task(post(slow, MICRO, {"amount": 5}))
    while not await conn.fetchval("SELECT count(*) FROM payments"):
        await asyncio.sleep(0.02)
    assert fast.running
    status, answer = await making
    assert status == 200
    actors = await conn.fetch("SELECT actor FROM payment_audit WHERE action = 'checkout_opened'")
    assert [row["actor"] for row in actors] == ["api"]
    assert len(await sandbox.sessions(answer["data"]["paymentId"])) == 1
