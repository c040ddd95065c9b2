"""Providers misbehave, databases go away, processes are killed: nothing is charged twice or stays unexplained."""

from __future__ import annotations

import asyncio
import json
import time
from uuid import UUID

import aiohttp
import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from hingecraft.settings import DsnSecret
from support.folders import open_folder
from support.limits import PROGRESS
from support.lock_waits import until_waiting
from support.pods import running_pod
from support.processes import ApiProcess, Proxy

MICRO, GENERATE = "/mission-support/micro-payment", "/charter/generate-payment"
KEY = {"Idempotency-Key": "a-key-of-this-test-1"}


async def micro(pod, **options):
    return await pod.call("POST", MICRO, json={"amount": 5}, **options)


async def state(conn):
    row = await conn.fetchrow(
        "SELECT p.id, p.status, e.request FROM payments p JOIN external_payments e ON e.payment_id = p.id"
    )
    return row["status"], row["id"]


async def why(conn):
    return json.loads(await conn.fetchval("SELECT details FROM payment_audit WHERE action = 'stripe_session_failed'"))


@pytest.fixture
async def other_host():
    """The address of a server, and the paths that it was asked for."""
    asked = []

    async def answer(request):
        asked.append(request.path)
        return web.json_response({})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/"), asked


@pytest.mark.parametrize("status", [400, 402, 404])
async def test_a_no_is_a_no_and_is_asked_once(pod, sandbox, conn, status):
    await sandbox.fault("status_before", status=status)
    code, answer = await micro(pod)
    assert (code, answer["code"]) == (502, "provider_refused"), "a second call would have been answered with a session"
    assert (await state(conn))[0] == "failed"
    assert str(status) in (await why(conn))["reason"]


@pytest.mark.parametrize(
    ("act", "status"),
    [
        ("status_before", 500),
        ("status_before", 409),
        ("status_after", 503),
        ("garbage", 0),
        ("half_body", 0),
        ("redirect", 0),
    ],
)
async def test_a_bad_moment_is_tried_again_under_the_same_key(pod, sandbox, conn, act, status):
    await sandbox.fault(act, method="POST", **({"status": status} if status else {}))
    code, answer = await micro(pod)
    assert code == 200, answer
    (session,) = await sandbox.sessions(answer["data"]["paymentId"])
    assert session["id"] == answer["data"]["sessionId"]
    assert (await state(conn))[0] == "pending"


async def test_a_redirect_of_a_provider_is_not_followed(pod, sandbox, other_host):
    """Another host would be given the payer's data."""
    address, asked = other_host
    await sandbox.fault("redirect", method="POST", url=f"{address}/v1/checkout/sessions")
    code, answer = await micro(pod)
    assert (code, asked) == (200, []), answer


async def test_too_many_requests_to_the_last_is_a_failure_and_said_so(pod, sandbox, conn):
    await sandbox.fault("status_before", status=429, times=9)
    code, answer = await micro(pod)
    assert (code, answer["code"]) == (502, "provider_busy")
    assert (await state(conn))[0] == "failed"


async def test_a_provider_that_says_when_is_listened_to(pod, sandbox):
    await sandbox.fault("status_before", status=429, retry_after=3)
    started = time.monotonic()
    assert (await micro(pod))[0] == 200
    assert time.monotonic() - started > 3


async def test_silence_is_unknown_and_answered_within_ten_seconds(pod, sandbox, conn):
    """They have room for two attempts of five seconds at most."""
    await sandbox.fault("timeout_after", method="POST", seconds=120, times=9)
    code, answer = await micro(pod, headers=KEY)
    assert (code, answer["code"]) == (502, "provider_unavailable")
    (fault,) = (await sandbox.ask("GET", "/_sandbox/switches"))["faults"]
    assert 9 - fault["times"] <= 2
    status, payment = await state(conn)
    assert status == "unknown"
    assert (await why(conn))["outcome"] == "unknown"
    await sandbox.ask("DELETE", "/_sandbox/switches")
    code, answer = await micro(pod, headers=KEY)
    assert (code, answer["data"]["paymentId"]) == (200, str(payment))
    assert len(await sandbox.sessions(str(payment))) == 1


async def test_five_hundreds_to_the_last_are_unknown(pod, sandbox, conn):
    await sandbox.fault("status_before", status=500, times=9)
    code, answer = await micro(pod)
    assert (code, answer["code"]) == (502, "provider_unavailable")
    assert (await state(conn))[0] == "unknown"


@pytest.mark.parametrize(
    "url",
    ["https://elsewhere.example/pay", "http://checkout.stripe.com/c", "javascript:alert(1)", "https://stripe.com.evil.example/",
     "https://user@checkout.stripe.com/", "//checkout.stripe.com", "https://checkout.stripe.com:444/x", "x" * 3000],
)  # fmt: skip
async def test_a_link_to_somewhere_else_is_never_handed_on(pod, sandbox, conn, url):
    await sandbox.fault("bad_url", url=url)
    code, answer = await micro(pod)
    assert (code, answer["code"]) == (502, "bad_url")
    assert (await state(conn))[0] == "failed"
    assert (await why(conn))["code"] == "bad_url"


async def test_nobody_there_and_no_such_name(dsn, sandbox, conn):
    for base in ("http://127.0.0.1:9", "https://no-such-host.invalid"):
        async with running_pod(dsn, **{**sandbox.settings, "stripe_api_base": base}) as pod:
            code, answer = await micro(pod)
            assert (code, answer["code"]) == (502, "provider_unavailable")
    assert {row["status"] for row in await conn.fetch("SELECT status FROM payments")} == {"unknown"}


@pytest.mark.parametrize(("act", "first"), [("status_before", "failed"), ("timeout_before", "unknown")])
async def test_coins_go_to_the_wallet_when_the_provider_cannot_be_had(pod, sandbox, conn, act, first):
    await conn.execute("INSERT INTO wallets (coin, wallet_address) VALUES ('BTC', 'bc1')")
    await sandbox.fault(act, path="invoice", status=403, seconds=30, times=9)
    code, answer = await pod.call("POST", GENERATE, json={"amount": 25, "currency": "BTC"})
    assert (code, answer["data"]["kind"]) == (200, "wallet")
    payment = UUID(answer["data"]["paymentId"])
    checkouts = await conn.fetch(
        "SELECT provider, status FROM external_payments WHERE payment_id = $1 ORDER BY created_at", payment
    )
    assert [tuple(row) for row in checkouts] == [("nowpayments", first), ("wallet", "awaiting_confirmation")]
    assert await conn.fetchval("SELECT status FROM payments WHERE id = $1", payment) == "awaiting_confirmation"
    assert await conn.fetchval("SELECT count(*) FROM payment_audit WHERE action = 'wallet_fallback'") == 1


async def test_a_minimum_that_hangs_leaves_the_donor_their_invoice(pod, sandbox, conn):
    await conn.execute("INSERT INTO wallets (coin, wallet_address) VALUES ('BTC', 'bc1')")
    await sandbox.fault("timeout_before", path="min-amount", seconds=30, times=9)
    code, answer = await pod.call("POST", GENERATE, json={"amount": 25, "currency": "BTC"})
    assert (code, answer["data"]["kind"], answer["data"]["provider"]) == (200, "checkout", "nowpayments")
    faults = (await sandbox.ask("GET", "/_sandbox/switches"))["faults"]
    assert [fault["times"] for fault in faults] == [8], "it was asked more than once"


async def insisting(pod, person):
    """On a busy machine the answer may take too long: press again, as people do, and the page repeats its key."""
    headers = {"Idempotency-Key": f"a-key-of-this-test-{person}"}
    while (answer := await micro(pod, headers=headers))[0] != 200:
        await asyncio.sleep(0.2)
    return answer[1]["data"]["sessionId"]


async def grows_above(look, enough):
    """Each step may take as long as a wait: how long all of them take is up to the machine."""
    found = 0
    while found <= enough:
        async with asyncio.timeout(PROGRESS):
            while (now := await look()) <= found:
                await asyncio.sleep(0.05)
        found = now


@pytest.mark.usefixtures("patient")
async def test_five_hundred_at_once_hold_no_connection_while_they_wait(dsn, sandbox, conn):
    """Four connections carry them all: if a checkout kept one while it waits, no more than four would be in flight."""
    await sandbox.fault("slow", method="POST", path="checkout/sessions", seconds=120, times=1_000_000)
    async with running_pod(dsn, **sandbox.settings, database_pool_max=4) as pod:
        asking = [asyncio.create_task(insisting(pod, person)) for person in range(500)]
        await grows_above(lambda: conn.fetchval("SELECT count(*) FROM payments WHERE status = 'creating'"), 100)
        await sandbox.ask("DELETE", "/_sandbox/faults")
        opened = await asyncio.gather(*asking)
    assert len(set(opened)) == 500


async def test_postgres_lost_while_the_provider_is_asked(dsn, sandbox, conn):
    """The answer cannot be written down: an honest error now, and the same session for a repeat of the request."""
    host, _, port = dsn.newest.rpartition("@")[2].partition("/")[0].partition(":")
    assert host
    async with Proxy(int(port)).running() as proxy:
        through = DsnSecret(dsn.newest.replace(f":{port}/", f":{proxy.port}/"))
        async with running_pod(through, **sandbox.settings) as pod:
            await sandbox.fault("slow", method="POST", seconds=120, times=9)
            asking = asyncio.create_task(micro(pod, headers=KEY))
            async with asyncio.timeout(PROGRESS):
                while not await conn.fetchval("SELECT count(*) FROM payments WHERE status = 'creating'"):
                    await asyncio.sleep(0.01)
            proxy.swallow()
            await sandbox.ask("DELETE", "/_sandbox/faults")
            code, answer = await asking
            assert (code, answer["code"]) == (503, "database_unavailable")
            proxy.heal()
            status, payment = await state(conn)
            assert status == "creating"
            await conn.execute("UPDATE idempotency_keys SET claimed_until = now() - interval '1 s'")
            code, answer = await micro(pod, headers=KEY)
            assert (code, answer["data"]["paymentId"]) == (200, str(payment))
    assert len(await sandbox.sessions(str(payment))) == 1


CREATING = "SELECT id FROM payments WHERE status = 'creating'"


async def reach(moment, sandbox, conn, holder):
    """Let the process come to that step and no further; answers when it is there."""
    if moment == "writing down":
        await until_waiting(conn)
        return
    payment = await until(lambda: conn.fetchval(CREATING))
    if moment == "after the effect":
        await until(lambda: sandbox.sessions(str(payment)))
    if moment == "writing the end":
        await holder.execute("SELECT FROM payments WHERE id = $1 FOR UPDATE", payment)
        await sandbox.ask("DELETE", "/_sandbox/faults")
        await until_waiting(conn)


async def until(look):
    async with asyncio.timeout(PROGRESS):
        while not (found := await look()):
            await asyncio.sleep(0.02)
    return found


@pytest.mark.parametrize("moment", ["writing down", "before the effect", "after the effect", "writing the end"])
async def test_killed_at_each_step_there_is_no_payment_or_one_that_explains_itself(dsn, sandbox, conn, moment):
    faults = {"before the effect": "timeout_before", "after the effect": "timeout_after", "writing the end": "slow"}
    holder = await asyncpg.connect(dsn.newest)
    with open_folder() as folder:
        first, second = (ApiProcess(folder, name, dsn.newest, **sandbox.environment) for name in ("first", "second"))
        await first.start()
        await first.until("/ready", 200)
        held = holder.transaction()
        await held.start()
        if moment in faults:
            await sandbox.fault(faults[moment], method="POST", seconds=120, times=9)
        else:
            await holder.execute("LOCK TABLE payments IN EXCLUSIVE MODE")
        asking = asyncio.create_task(_post(first))
        await reach(moment, sandbox, conn, holder)
        await first.kill()
        await asyncio.gather(asking, return_exceptions=True)
        await held.rollback()
        await sandbox.ask("DELETE", "/_sandbox/switches")
        await conn.execute("UPDATE idempotency_keys SET claimed_until = now() - interval '1 s'")
        for row in await conn.fetch("SELECT request, idempotency_key FROM external_payments"):
            assert json.loads(row["request"])["line_items"]
            assert row["idempotency_key"].startswith("hc_micro_")
        await second.start()
        await second.until("/ready", 200)
        status, answer = await _post(second)
        await second.stop()
    await holder.close()
    assert status == 200, answer
    assert await conn.fetchval("SELECT count(*) FROM payments") == 1
    assert len(await sandbox.sessions(answer["data"]["paymentId"])) == 1


async def _post(process):
    async with aiohttp.ClientSession() as client:
        async with client.post(process.public + MICRO, json={"amount": 5}, headers=KEY) as response:
            return response.status, await response.json()
