"""The round trips to Postgres of one checkout, and of one event that grants: each waits for the network."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import Any

import pytest

from hingecraft.settings import DsnSecret
from support.limits import PROGRESS
from support.members import PACK, PLAN, Member, sell
from support.money import becomes, send_stripe, stripe_event
from support.pods import running_pod
from support.subscribing import press
from support.tokens import SETTINGS

MOST = 8
# From BEGIN to COMMIT. One statement more stores the event before.
MOST_OF_A_SESSION, MOST_OF_A_RENEWAL = 8, 9
# One connection, and nothing beside the checkout that talks on it.
ALONE: dict[str, Any] = {"database_pool_min": 1, "database_pool_max": 1, "background": False}
MICRO = "/mission-support/micro-payment"
EVENTS = "SELECT type, attempts, error, ignored_because FROM provider_events ORDER BY received_at"


class Wire:
    """Stands before Postgres and counts how often the talk turns from us to the server."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.port = 0
        self.turns = 0
        self.cut_at: int | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def _serve(self, reader, writer):
        server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._target)
        speaker = {"last": "server"}

        async def copy(source, target, who):
            while data := await source.read(65536):
                if who == "us" and speaker["last"] == "server":
                    self.turns += 1
                speaker["last"] = who
                if self.cut_at is not None and self.turns >= self.cut_at:
                    break
                target.write(data)
            target.close()
            if self.cut_at is not None:
                writer.close()
                server_writer.close()

        for source, target, who in ((reader, server_writer, "us"), (server_reader, writer, "server")):
            task = asyncio.create_task(copy(source, target, who))
            self._tasks.add(task)

    @asynccontextmanager
    async def running(self):
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        yield self
        server.close()
        for task in self._tasks:
            task.cancel()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (MICRO, {"amount": 5}),
        ("/charter/generate-payment", {"amount": 7, "currency": "EUR"}),
        ("/charter/generate-payment", {"amount": 30, "currency": "ETH"}),
    ],
)
async def test_a_checkout_takes_at_most_eight_round_trips(dsn, sandbox, monkeypatch, path, body):
    port = dsn.newest.rpartition(":")[2].partition("/")[0]
    async with Wire(int(port)).running() as wire:
        through = DsnSecret(dsn.newest.replace(f":{port}/", f":{wire.port}/"))
        async with running_pod(through, **sandbox.settings, **ALONE) as pod:
            monkeypatch.setattr(pod.pod.loader, "refresh", asyncio.Event().wait)  # only the checkout is counted
            counted = []
            for number in range(4):
                before = wire.turns
                headers = {"Idempotency-Key": f"a-key-of-this-test-{number}"}
                status, answer = await pod.call("POST", path, json=body, headers=headers)
                assert status == 200, answer
                counted.append(wire.turns - before)
    # The first ones also prepare the statements, once for each connection.
    assert counted[-1] <= MOST, counted
    assert counted[-1] >= 3, "the wire counts nothing"


@pytest.mark.parametrize("last", range(1, 7))
async def test_postgres_lost_before_each_step(dsn, sandbox, conn, monkeypatch, last):
    """The wire is cut at each turn of the talk: a refusal at worst, and a repeat of the request gets one session."""
    port = dsn.newest.rpartition(":")[2].partition("/")[0]
    headers = {"Idempotency-Key": "a-key-of-this-test-1"}
    async with Wire(int(port)).running() as wire:
        through = DsnSecret(dsn.newest.replace(f":{port}/", f":{wire.port}/"))
        async with running_pod(through, **sandbox.settings, **ALONE) as pod:
            monkeypatch.setattr(pod.pod.loader, "refresh", asyncio.Event().wait)
            warm = {"Idempotency-Key": "a-key-of-this-test-0"}
            assert (await pod.call("POST", "/mission-support/micro-payment", json={"amount": 1}, headers=warm))[
                0
            ] == 200
            wire.cut_at = wire.turns + last
            status, answer = await pod.call(
                "POST", "/mission-support/micro-payment", json={"amount": 5}, headers=headers
            )
            assert status in {200, 503}, answer
            wire.cut_at = None
            await conn.execute("UPDATE idempotency_keys SET claimed_until = now() WHERE status IS NULL")
            for row in await conn.fetch("SELECT request FROM external_payments"):
                assert "line_items" in row["request"]
            status, answer = await pod.call(
                "POST", "/mission-support/micro-payment", json={"amount": 5}, headers=headers
            )
    assert status == 200, answer
    assert await conn.fetchval("SELECT count(*) FROM payments WHERE amount = 5") == 1
    assert len(await sandbox.sessions(answer["data"]["paymentId"])) == 1


async def test_events_that_grant_take_few_round_trips(dsn, sandbox, conn):
    port = dsn.newest.rpartition(":")[2].partition("/")[0]
    await sandbox.tells("http://127.0.0.1:9")  # nobody: the events are sent here, one by one
    async with Wire(int(port)).running() as wire:
        through = DsnSecret(dsn.newest.replace(f":{port}/", f":{wire.port}/"))
        async with running_pod(through, **{**sandbox.settings, **SETTINGS, **ALONE}) as pod:
            ada, prices = Member(pod), await sell(conn, sandbox, PACK, PLAN)

            async def paid(bought):
                await sandbox.act(bought["sessionId"], "pay")
                session = await sandbox.stripe(f"checkout/sessions/{bought['sessionId']}")
                found = await _turns_of(pod, wire, stripe_event("checkout.session.completed", session))
                await becomes(conn, bought["paymentId"], "completed")
                return found

            sessions = [await paid(await ada.buy(prices[PACK])) for _ in range(4)]
            await paid(await ada.buy(prices[PLAN]))
            customer = await conn.fetchval("SELECT customer_id FROM customers WHERE user_id = $1", ada.id)
            (subscription,) = (await sandbox.stripe(f"subscriptions?customer={customer}"))["data"]
            renewals = []
            for number in range(2, 6):
                await press(sandbox, subscription["id"], "renew")
                of_ada = (await sandbox.stripe(f"invoices?customer={customer}&limit=100"))["data"]
                newest = max(of_ada, key=lambda invoice: invoice["created"])
                renewals.append(await _turns_of(pod, wire, stripe_event("invoice.paid", newest)))
                await _until_granted(pod, conn, 3 + number + 1)
    # The first ones also prepare the statements.
    assert 3 <= min(sessions) <= MOST_OF_A_SESSION, sessions
    assert 3 <= min(renewals) <= MOST_OF_A_RENEWAL, renewals


async def _until_granted(pod, conn, grants):
    """A question to Stripe that a slow machine did not answer in time is asked again."""
    try:
        async with asyncio.timeout(PROGRESS):
            while await conn.fetchval("SELECT count(*) FROM credits_transactions") != grants:
                await conn.execute("UPDATE provider_events SET next_attempt_at = now() WHERE processed_at IS NULL")
                await pod.pod.worker.drain()
    except TimeoutError:
        pytest.fail(f"not {grants} grants: {await conn.fetch(EVENTS)}")


async def _turns_of(pod, wire, event):
    """The turns that are made by the event itself: each lane also asks for events, and its own asks once more."""
    assert (await send_stripe(pod, event))[0] == 200
    before = wire.turns
    await pod.pod.worker.drain()
    with_event, before = wire.turns - before, wire.turns
    await pod.pod.worker.drain()
    return with_event - (wire.turns - before) - 1
