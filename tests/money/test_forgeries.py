"""Forged, truncated, replayed and re-encoded messages: none is taken, each is counted, one a minute is written down."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import time
from typing import Any

import pytest

from hingecraft.providers.stripe import webhook
from support.limits import PROGRESS
from support.money import (
    IPN_SECRET,
    STRIPE_SECRET,
    ipn_signature,
    send_ipn,
    send_stripe,
    stripe_event,
    stripe_signature,
)
from support.pods import running_pod

pytestmark = pytest.mark.usefixtures("still_minute")

BODY = stripe_event("charge.succeeded", {"id": "ch_1", "object": "charge"})
IPN = b'{"payment_id":5077125051,"payment_status":"finished","fee":{"b":0.00005,"a":1e-7}}'


SORTED = b'{"fee":{"a":1e-7,"b":0.00005},"payment_id":5077125051,"payment_status":"finished"}'
NOW = int(time.time())


def flipped(signature: str) -> str:
    return signature[:-1] + ("0" if signature[-1] != "0" else "1")


STRIPE_FORGERIES = {
    "none": "",
    "nonsense": "t=1,v1=zz",
    "another secret": stripe_signature(BODY, secret="whsec_another"),
    "an empty secret": stripe_signature(BODY, secret=""),
    "a bit turned": flipped(stripe_signature(BODY)),
    "cut off": stripe_signature(BODY)[:-8],
    "an older scheme": stripe_signature(BODY, scheme="v0"),
    "no time": stripe_signature(BODY).split(",")[1],
    "two times": f"t={NOW}," + stripe_signature(BODY, moment=NOW - 1),
    "a time of its own": f"t={NOW + 1}," + stripe_signature(BODY, moment=NOW).split(",")[1],
    "not ASCII": stripe_signature(BODY) + "é",
    "endless": stripe_signature(BODY) + ",v1=" + "0" * 4000,
    "of other bytes": stripe_signature(BODY + b" "),
    "the time in other digits": f"t=\u0661{NOW},v1=00".encode().decode("latin-1"),
    "a time of 400 digits": f"t={'9' * 400},v1={'0' * 64}",
    "a time of 1,900 digits": f"t={'9' * 1900},v1=00",
    "a time below nought": f"t=-{NOW},v1={'0' * 64}",
}  # fmt: skip


@pytest.mark.parametrize("forgery", STRIPE_FORGERIES)
async def test_stripe_is_not_to_be_forged(pod, conn, forgery):
    status, answer = await send_stripe(pod, BODY, STRIPE_FORGERIES[forgery])
    assert (status, answer["code"]) == (400, "invalid_signature")
    assert await conn.fetchval("SELECT count(*) FROM provider_events") == 0


async def test_both_secrets_of_a_rotation_verify_and_no_other(dsn, settings):
    stripe, nowpayments = f"whsec_newer,{STRIPE_SECRET}", f"the-newer-one,{IPN_SECRET}"
    both = {"stripe_webhook_secret": stripe, "nowpayments_ipn_secret": nowpayments}
    async with running_pod(dsn, **{**settings, **both}) as pod:
        for secrets, status in ((stripe.split(","), 200), ([stripe, "another"], 400)):
            for secret in secrets:
                assert (await send_stripe(pod, BODY, stripe_signature(BODY, secret=secret)))[0] == status
        for secrets, status in ((nowpayments.split(","), 200), ([nowpayments, "another"], 400)):
            for secret in secrets:
                assert (await send_ipn(pod, IPN, ipn_signature(SORTED, secret)))[0] == status


@pytest.mark.parametrize("age", [-600, -301, 310, 86_400, 10**12])
async def test_a_time_that_is_not_now_is_refused(pod, age):
    status, answer = await send_stripe(pod, BODY, stripe_signature(BODY, moment=int(time.time()) + age))
    assert (status, answer["code"]) == (400, "invalid_signature")


async def test_the_body_counts_byte_for_byte(pod, conn):
    again = json.dumps(json.loads(BODY), indent=1).encode()
    for body in (again, BODY[:-1], BODY + b"\n", BODY.replace(b"ch_1", b"ch_2")):
        status, _ = await send_stripe(pod, body, stripe_signature(BODY))
        assert status == 400
    assert (await send_stripe(pod, BODY))[0] == 200
    assert (await send_stripe(pod, BODY))[0] == 200
    assert await conn.fetchval("SELECT count(*) FROM provider_events") == 1


IPN_FORGERIES = {
    "none": "",
    "another secret": ipn_signature(SORTED, "another-secret"),
    "an empty secret": ipn_signature(SORTED, ""),
    "a weaker algorithm": ipn_signature(SORTED, algorithm=hashlib.sha256),
    "the raw body": ipn_signature(IPN),
    "without what is nested, as the documented one-liner makes it": ipn_signature(
        b'{"fee":{},"payment_id":5077125051,"payment_status":"finished"}'
    ),
    "with numbers as Python writes them": ipn_signature(SORTED.replace(b"0.00005", b"5e-05")),
    "a bit turned": flipped(ipn_signature(SORTED)),
    "cut off": ipn_signature(SORTED)[:64],
    "longer": ipn_signature(SORTED) + "00",
}


@pytest.mark.parametrize("forgery", IPN_FORGERIES)
async def test_nowpayments_is_not_to_be_forged(pod, conn, forgery):
    status, answer = await send_ipn(pod, IPN, IPN_FORGERIES[forgery])
    assert (status, answer["code"]) == (400, "invalid_signature")
    assert await conn.fetchval("SELECT count(*) FROM provider_events") == 0


async def test_a_genuine_ipn_is_kept_once(pod, conn):
    for _ in range(2):
        assert (await send_ipn(pod, IPN, ipn_signature(SORTED)))[0] == 200
    name = await conn.fetchval("SELECT event_id FROM provider_events")
    assert name == f"5077125051:finished:{hashlib.sha256(IPN).hexdigest()}"


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b'{"id": 1}', b"\xff\xfe", b"[" * 10_000])
async def test_what_is_signed_and_still_no_event_is_refused(pod, conn, body):
    status, answer = await send_stripe(pod, body)
    assert (status, answer["code"]) == (400, "invalid_event")
    status, answer = await send_ipn(pod, body, ipn_signature(body))
    assert (status, answer["code"]) in {(400, "invalid_signature"), (400, "invalid_event")}
    assert await conn.fetchval("SELECT count(*) FROM provider_events") == 0


async def test_a_secret_of_yesterday_is_good_until_it_is_taken_away(dsn, sandbox):
    both = {**sandbox.settings, "stripe_webhook_secret": "whsec_tomorrow,whsec_sandbox"}
    async with running_pod(dsn, **both) as pod:
        for secret in ("whsec_sandbox", "whsec_tomorrow"):
            assert (await send_stripe(pod, BODY, stripe_signature(BODY, secret=secret)))[0] == 200
        two = stripe_signature(BODY, secret="whsec_other") + "," + stripe_signature(BODY).split(",")[1]
        assert (await send_stripe(pod, BODY, two))[0] == 200


async def test_forgeries_are_counted_written_down_once_a_minute_and_then_kept_waiting(pod, conn):
    answers = [(await send_stripe(pod, BODY, "t=1,v1=0"))[0] for _ in range(32)]
    assert answers == [400] * 30 + [429] * 2
    async with pod.client.get(f"{pod.internal}/metrics") as response:
        assert 'hingecraft_refused_signatures_total{kind="stripe_webhook"} 32.0' in await response.text()
    rows = await conn.fetch("SELECT details ->> 'reason' AS why FROM payment_audit WHERE action = 'refused'")
    assert [row["why"] for row in rows] == ["stripe_webhook"]
    # Genuine messages of the usual size from the same address are never kept waiting.
    assert (await send_stripe(pod, BODY))[0] == 200
    assert (await send_ipn(pod, IPN, ipn_signature(SORTED)))[0] == 200


async def test_over_the_limit_of_forgeries_a_large_body_is_refused_unread(pod, conn):
    """Peeked at before the work: what 30 forgeries in a minute are followed by costs neither reading nor parsing."""
    large = stripe_event("invoice.paid", {"id": "in_1", "object": "invoice", "lines": "x" * 300_000})
    for _ in range(30):
        await send_ipn(pod, IPN, "0" * 128)
    assert await of_which_is_sent(pod, "/webhooks/nowpayments", {"x-nowpayments-sig": "0" * 128}, 16 * 1024) == 429
    assert await of_which_is_sent(pod, "/webhooks/stripe", {"Stripe-Signature": stripe_signature(large)}, 10**6) == 429


async def of_which_is_sent(pod, path: str, headers: dict[str, str], announced: int) -> int:
    """The status of the answer to a request whose body is announced and never sent."""
    host, port = pod.public.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {announced}",
             *(f"{name}: {value}" for name, value in headers.items()), "", ""]  # fmt: skip
    writer.write("\r\n".join(lines).encode())
    async with asyncio.timeout(PROGRESS):
        first = await reader.readline()
        await reader.read()
    writer.close()
    return int(first.split()[1])


@pytest.mark.parametrize(
    ("path", "headers", "announced", "status"),
    [
        ("/webhooks/nowpayments", {}, 10**6, 400),
        ("/webhooks/nowpayments", {"x-nowpayments-sig": "0" * 127 + "g"}, 10**6, 400),
        ("/webhooks/nowpayments", {"x-nowpayments-sig": "0" * 128}, 16 * 1024 + 1, 413),
        ("/webhooks/stripe", {}, 10**6, 400),
        ("/webhooks/stripe", {"Stripe-Signature": f"t={NOW - 3600},v1={'0' * 64}"}, 10**6, 400),
        ("/webhooks/stripe", {"Stripe-Signature": f"t=(now),v1={'0' * 64}"}, 1024 * 1024 + 1, 413),
    ],
)
async def test_what_cannot_be_genuine_is_refused_before_its_body_is_read(pod, path, headers, announced, status):
    """The connection ends after the answer, so that nobody reads a megabyte to throw it away."""
    headers = {name: value.replace("(now)", str(int(time.time()))) for name, value in headers.items()}
    assert await of_which_is_sent(pod, path, headers, announced) == status


async def test_an_oversize_message_counts_as_forged(pod):
    headers = {"x-nowpayments-sig": "0" * 128}
    answers = [await of_which_is_sent(pod, "/webhooks/nowpayments", headers, 10**6) for _ in range(32)]
    assert answers == [413] * 30 + [429] * 2


async def test_a_bug_in_the_verification_counts_as_forged_and_is_logged_once_a_minute(pod, monkeypatch, caplog):
    def broken(*_: object) -> None:
        raise OverflowError("int too large to convert to float")

    monkeypatch.setattr(webhook, "_stamped", broken)
    answers = [(await send_stripe(pod, BODY))[0] for _ in range(32)]
    assert answers == [400] * 30 + [429] * 2
    assert len([record for record in caplog.records if record.levelno >= logging.ERROR]) == 1


async def test_an_ipn_of_sixteen_kilobytes_is_taken(pod, conn):
    body = json.dumps({"payment_id": 1, "payment_status": "waiting", "x": "y" * 16_000}, separators=(",", ":")).encode()
    assert (await send_ipn(pod, body, ipn_signature(body)))[0] == 200
    assert await conn.fetchval("SELECT count(*) FROM provider_events") == 1


async def test_a_provider_without_keys_is_told_so(dsn):
    settings: dict[str, Any] = {"stripe_webhook_secret": "", "nowpayments_ipn_secret": ""}
    async with running_pod(dsn, **settings) as pod:
        status, answer = await send_stripe(pod, BODY)
        assert (status, answer["code"]) == (503, "provider_disabled")


async def test_an_event_larger_than_a_page_sends_is_taken_and_an_endless_one_is_not(pod, conn):
    large = stripe_event("invoice.paid", {"id": "in_1", "object": "invoice", "lines": "x" * 300_000})
    assert (await send_stripe(pod, large))[0] == 200
    status, answer = await send_stripe(pod, b"x" * (1024 * 1024 + 1))
    assert (status, answer["code"]) == (413, "too_large")
