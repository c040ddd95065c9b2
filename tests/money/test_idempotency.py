"""Keys under which callers repeat themselves."""

from __future__ import annotations

import asyncio
import time
from decimal import Decimal
from uuid import UUID

import pytest

from hingecraft.idempotency import service as idempotency
from hingecraft_api.web import endpoint
from support.limits import PROGRESS
from support.pods import running_pod, signed_visitor

MICRO, OTHER, GENERATE = "/mission-support/micro-payment", "/mission-support/other", "/charter/generate-payment"
KEY = {"Idempotency-Key": "a-key-of-this-test-1"}
BODIES = [
    (MICRO, {"amount": 5}), (OTHER, {"amount": 12}), (GENERATE, {"amount": 7, "currency": "EUR"}),
    (GENERATE, {"amount": 30, "currency": "BTC"}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body"), BODIES)
@pytest.mark.usefixtures("patient")
async def test_the_same_key_and_body_give_the_same_answer_to_twenty_at_once_in_two_pods(dsn, sandbox, conn, path, body):
    await sandbox.ask("PUT", "/_sandbox/latency", json={"seconds": 0.3})
    async with running_pod(dsn, **sandbox.settings) as one, running_pod(dsn, **sandbox.settings) as other:
        pods = [one, other] * 10

        async def ask(pod):
            async with pod.client.post(pod.public + path, json=body, headers=KEY) as response:
                return response.status, await response.text(), response.headers.get("Idempotency-Replayed")

        answers = await asyncio.gather(*(ask(pod) for pod in pods))
    assert {status for status, _, _ in answers} == {200}
    assert len({text for _, text, _ in answers}) == 1
    assert sorted(replayed or "" for _, _, replayed in answers) == [""] + ["true"] * 19
    made = 'SELECT (SELECT count(*) FROM external_payments) + (SELECT count(*) FROM "ContributionIntent")'
    assert await conn.fetchval(made) == 1


async def test_another_body_under_the_same_key_is_refused(pod):
    assert (await pod.call("POST", MICRO, json={"amount": 5}, headers=KEY))[0] == 200
    status, answer = await pod.call("POST", MICRO, json={"amount": 2}, headers=KEY)
    assert (status, answer["code"]) == (422, "idempotency_key_reused")
    status, _ = await pod.call(
        "POST", MICRO, data=b'{ "amount" : 5.0 }', headers={**KEY, "Content-Type": "application/json"}
    )
    assert status == 200


async def test_another_call_under_the_same_key_is_another_matter(pod):
    assert (await pod.call("POST", MICRO, json={"amount": 5}, headers=KEY))[0] == 200
    assert (await pod.call("POST", OTHER, json={"amount": 5}, headers=KEY))[0] == 200


async def test_two_visitors_with_the_same_key_have_a_checkout_each(pod):
    payments = []
    for name in ("vid:" + "a" * 22, "vid:" + "b" * 22, "vid:" + "a" * 22):
        _, answer = await pod.call("POST", MICRO, json={"amount": 5}, headers={**KEY, **signed_visitor(name)})
        payments.append(answer["data"]["paymentId"])
    assert payments[0] == payments[2] != payments[1]


@pytest.mark.parametrize("key", ["short", "x" * 256, "with spaces in the middle", "späte-gäste-kommen-an"])
async def test_keys_that_are_none_are_refused(pod, conn, key):
    status, answer = await pod.call("POST", MICRO, json={"amount": 5}, headers={"Idempotency-Key": key})
    assert (status, answer["code"]) == (400, "invalid_idempotency_key")
    assert await conn.fetchval("SELECT count(*) FROM payments") == 0


async def test_our_error_is_not_kept_and_the_providers_is(pod, sandbox):
    await sandbox.fault("status_before", status=402)
    first = await pod.call("POST", MICRO, json={"amount": 5}, headers=KEY)
    second = await pod.call("POST", MICRO, json={"amount": 5}, headers=KEY)
    assert first[0] == 502
    assert first == second
    other = {"Idempotency-Key": "a-key-of-this-test-2"}
    assert (await pod.call("POST", GENERATE, json={"amount": 0, "currency": "USD"}, headers=other))[0] == 400
    assert (await pod.call("POST", GENERATE, json={"amount": 5, "currency": "USD"}, headers=other))[0] == 200


async def test_a_request_that_is_still_under_way_is_waited_for_and_then_named(pod, conn, monkeypatch):
    monkeypatch.setattr(endpoint, "ANSWERED_WITHIN", 2.0)
    body_print = idempotency.fingerprint({"amount": Decimal(5)})
    in_flight = "INSERT INTO idempotency_keys (scope, key, fingerprint, claimed_until) VALUES ($1, $2, $3, 'infinity')"
    await conn.execute(in_flight, f"POST {MICRO}", KEY["Idempotency-Key"], body_print)
    started = time.monotonic()
    async with pod.client.post(pod.public + MICRO, json={"amount": 5}, headers=KEY) as response:
        answer = await response.json()
        assert (response.status, answer["code"]) == (409, "idempotency_in_flight")
        assert response.headers["Retry-After"] == "1"
    assert time.monotonic() - started > 1


async def test_what_a_dead_process_began_is_finished_under_its_key(pod, sandbox, conn):
    """The pod died after it had asked Stripe: same payment, same session, nothing made twice."""
    await sandbox.fault("timeout_after", method="POST", seconds=30, times=9)
    dying = asyncio.create_task(pod.call("POST", MICRO, json={"amount": 5}, headers=KEY))
    async with asyncio.timeout(PROGRESS):
        while not (payment := await conn.fetchval("SELECT id FROM payments WHERE status = 'creating'")):
            await asyncio.sleep(0.01)
        while not await sandbox.sessions(str(payment)):
            await asyncio.sleep(0.05)
    dying.cancel()
    await asyncio.gather(dying, return_exceptions=True)
    await sandbox.ask("DELETE", "/_sandbox/switches")
    await conn.execute("UPDATE idempotency_keys SET claimed_until = now() - interval '1 s'")
    status, answer = await pod.call("POST", MICRO, json={"amount": 5}, headers=KEY)
    assert status == 200, answer
    assert answer["data"]["paymentId"] == str(payment)
    (session,) = await sandbox.sessions(str(payment))
    assert answer["data"]["sessionId"] == session["id"]
    assert await conn.fetchval("SELECT count(*) FROM payments") == 1


async def test_after_a_day_a_key_means_nothing(pod, conn, database):
    _, first = await pod.call("POST", MICRO, json={"amount": 5}, headers=KEY)
    await conn.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 h'")
    status, second = await pod.call("POST", MICRO, json={"amount": 2}, headers=KEY)
    assert status == 200
    assert first["data"]["paymentId"] != second["data"]["paymentId"]
    await conn.execute("UPDATE idempotency_keys SET created_at = now() - interval '25 h'")
    await idempotency.purge(database)
    assert await conn.fetchval("SELECT count(*) FROM idempotency_keys") == 0


async def test_a_lost_answer_is_given_again_from_what_is_written_down(pod, conn):
    """The process died between the last commit and keeping its answer."""
    _, first = await pod.call("POST", MICRO, json={"amount": 5}, headers=KEY)
    await conn.execute("UPDATE idempotency_keys SET status = NULL, body = NULL, claimed_until = now() - interval '1 s'")
    status, again = await pod.call("POST", MICRO, json={"amount": 5}, headers=KEY)
    assert (status, again["data"]) == (200, first["data"])
    assert await conn.fetchval("SELECT id FROM payments") == UUID(first["data"]["paymentId"])
