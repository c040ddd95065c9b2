"""One id leads from the browser's call through provider and event to the webhook, in the logs of all processes."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from uuid import UUID

import aiohttp
import pytest

from hingecraft_sandbox.postgres import free_port
from support.folders import open_folder
from support.limits import PROGRESS
from support.money import MICRO, becomes
from support.processes import ApiProcess, HingecraftProcess
from support.receiver import SECRET, receiving

GIVEN, AGAIN = "browser-7f0e2c4b", "browser-again-1"
DELIVERED = 'hingecraft_webhook_deliveries_total{endpoint="thanks",result="delivered"}'
KEY = {"Idempotency-Key": "a-key-of-this-test-1"}


@pytest.fixture
def folder():
    with open_folder() as made:
        yield made


def lines(process):
    """The lines of a process about the browser's call."""
    said = [json.loads(line) for line in process.log.read_text().splitlines() if line.startswith("{")]
    return [line for line in said if line.get("request_id") == GIVEN]


async def metrics(port):
    """The metrics of `hingecraft sync`; empty until it serves."""
    try:
        async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{port}/metrics") as response:
            return await response.text()
    except aiohttp.ClientError:
        return ""


async def counted(port, line):
    async with asyncio.timeout(PROGRESS):
        while line not in await metrics(port):
            await asyncio.sleep(0.02)


async def logged(process, count):
    async with asyncio.timeout(PROGRESS):
        while len(found := lines(process)) < count:
            await asyncio.sleep(0.02)
    return found


async def test_one_dollar_is_found_by_the_id_of_the_browsers_call(dsn, conn, sandbox, folder):
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(receiving())
        thanks = receiver.url.replace("hingecraftRoutesUpdate", "afterPaymentWebhook")
        pod = ApiProcess(folder, "api", dsn.newest, **sandbox.environment)
        port = free_port()
        sync = HingecraftProcess(
            folder, "sync", "sync", DATABASE_URL=dsn.newest, API_ADDRESSES=pod.internal, WEBHOOK_SECRET=SECRET,
            WIX_WEBHOOK_ENDPOINTS=f"thanks={thanks}", ALLOW_PRIVATE_WEBHOOKS="true", SYNC_METRICS_PORT=str(port),
        )  # fmt: skip
        for process in (pod, sync):
            await process.start()
            stack.push_async_callback(process.stop)
        await pod.until("/ready", 200)
        await sandbox.tells(pod.public)
        await counted(port, "hingecraft_sync_seconds_count 1.0")
        assert DELIVERED not in await metrics(port)
        client = await stack.enter_async_context(aiohttp.ClientSession(pod.public))
        async with client.post(MICRO, json={"amount": 1}, headers={"X-Request-Id": GIVEN}) as response:
            assert (response.status, response.headers["X-Request-Id"]) == (200, GIVEN)
            payment = (await response.json())["data"]["paymentId"]
        (session,) = await sandbox.sessions(payment)
        await sandbox.act(session["id"], "pay")
        await becomes(conn, payment, "completed")
        await receiver.until(1)
        await logged(pod, 3)
        (sent,) = await logged(sync, 1)
        await counted(port, f"{DELIVERED} 1.0")
    (event,) = receiver.events
    assert (event["type"], event["data"]["paymentId"]) == ("payment.completed", payment)
    assert event["data"]["requestId"] == GIVEN
    checkout, answer, *processed = lines(pod)
    assert (checkout["message"], checkout["payment_id"]) == ("checkout at stripe: opened", payment)
    assert answer["message"] == f"POST {MICRO} 200"
    events = await conn.fetch("SELECT event_id FROM provider_events WHERE payment_id = $1::uuid", UUID(payment))
    assert {line["event_id"] for line in processed} <= {row["event_id"] for row in events}
    assert {(line["source"], line["payment_id"]) for line in processed} == {("stripe", payment)}
    assert (sent["message"], sent["payment_id"]) == (
        "webhook payment.completed to thanks delivered: HTTP 204", payment,
    )  # fmt: skip
    assert sent["webhook_id"] == receiver.ids[0]


async def test_a_repeated_call_keeps_its_parameters_and_the_payment_the_first_id(pod, sandbox, conn, caplog):
    """The first call dies after Stripe was asked; the browser repeats it under the same key with another request id."""
    caplog.set_level("INFO")
    await sandbox.fault("timeout_after", method="POST", seconds=30, times=9)
    dying = asyncio.create_task(pod.call("POST", MICRO, json={"amount": 1}, headers={**KEY, "X-Request-Id": GIVEN}))
    async with asyncio.timeout(PROGRESS):
        while not (payment := await conn.fetchval("SELECT id FROM payments WHERE status = 'creating'")):
            await asyncio.sleep(0.01)
        while not await sandbox.sessions(str(payment)):
            await asyncio.sleep(0.05)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    await sandbox.ask("DELETE", "/_sandbox/switches")
    await sandbox.tells(pod.public)
    await conn.execute("UPDATE idempotency_keys SET claimed_until = now() - interval '1 s'")
    status, answer = await pod.call("POST", MICRO, json={"amount": 1}, headers={**KEY, "X-Request-Id": AGAIN})
    assert (status, answer["data"]["paymentId"]) == (200, str(payment))
    (session,) = await sandbox.sessions(str(payment))
    assert GIVEN not in json.dumps(session)
    assert AGAIN not in json.dumps(session)
    opened = [each for each in caplog.records if each.getMessage() == "checkout at stripe: opened"]
    assert AGAIN in {each.request_id for each in opened if each.payment_id == str(payment)}
    caplog.clear()
    await sandbox.act(session["id"], "pay")
    await becomes(conn, str(payment), "completed")
    async with asyncio.timeout(PROGRESS):
        while not (told := [each for each in caplog.records if hasattr(each, "event_id")]):
            await asyncio.sleep(0.02)
    assert {each.request_id for each in told} == {GIVEN}


@pytest.mark.usefixtures("few_links")
async def test_money_that_no_call_began_has_no_request_id(pod, sandbox, conn, caplog):
    """A payment restored from the provider's event begins with that event: its id is not a request's."""
    caplog.set_level("INFO")
    _, answer = await pod.call("POST", MICRO, json={"amount": 1}, headers={"X-Request-Id": GIVEN})
    payment = answer["data"]["paymentId"]
    for table in ("external_payments", "payments"):
        await conn.execute(f"DELETE FROM {table}")
    (session,) = await sandbox.sessions(payment)
    await sandbox.act(session["id"], "pay")
    await becomes(conn, payment, "completed")
    async with asyncio.timeout(PROGRESS):
        while not (told := [each for each in caplog.records if hasattr(each, "event_id")]):
            await asyncio.sleep(0.02)
    assert {each.request_id for each in told} == {None}
