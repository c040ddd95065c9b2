"""Giving, paying, and looking at the books afterwards."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import io
import json
import time
from typing import Any

import asyncpg

from support.limits import PROGRESS
from support.pauses import Pauses
from support.pods import Running
from support.sandbox import Sandbox

MICRO, GENERATE = "/mission-support/micro-payment", "/charter/generate-payment"
LEFT = "SELECT count(*) < $1 OR count(*) > count(processed_at) FROM provider_events"
STRIPE_SECRET, IPN_SECRET = "whsec_sandbox", "sandbox-ipn-secret"


async def give(pod: Running, **body: Any) -> dict[str, Any]:
    """A checkout; only `{amount}` makes a micro payment."""
    status, answer = await pod.call("POST", GENERATE if "currency" in body else MICRO, json=body)
    assert status == 200, answer
    data: dict[str, Any] = answer["data"]
    return data


async def status_of(conn: asyncpg.Connection, payment: str) -> str | None:
    found: str | None = await conn.fetchval("SELECT status FROM payments WHERE id = $1::uuid", payment)
    return found


async def becomes(conn: asyncpg.Connection, payment: str, status: str, within: float = PROGRESS) -> None:
    """Wait for a status."""
    found = None
    pauses = Pauses()
    try:
        async with asyncio.timeout(within):
            while (found := await status_of(conn, payment)) != status:
                await pauses.next()
    except TimeoutError:
        waiting = await conn.fetch("SELECT type, error, attempts FROM provider_events WHERE processed_at IS NULL")
        raise AssertionError(f"it is {found}, not {status}: {[dict(row) for row in waiting]}") from None


async def all_processed(conn: asyncpg.Connection, at_least: int = 1, within: float = PROGRESS) -> None:
    """Wait until so many have come and nothing is left in the inbox; what waits for its time is told to come now."""
    pauses = Pauses()
    try:
        async with asyncio.timeout(within):
            while await conn.fetchval(LEFT, at_least):
                await conn.execute(
                    "UPDATE provider_events SET next_attempt_at = now() WHERE processed_at IS NULL "
                    "AND claimed_until IS NULL"
                )
                await pauses.next()
    except TimeoutError:
        rows = await conn.fetch("SELECT type, error, attempts FROM provider_events WHERE processed_at IS NULL")
        raise AssertionError([dict(row) for row in rows]) from None


async def ledger(conn: asyncpg.Connection, payment: str) -> list[tuple[Any, ...]]:
    """The movements of a payment's money."""
    rows = await conn.fetch(
        "SELECT kind, amount, currency, usd_amount FROM settlements WHERE payment_id = $1::uuid "
        "ORDER BY created_at, kind",
        payment,
    )
    return [(row["kind"], row["amount"], row["currency"], row["usd_amount"]) for row in rows]


async def completes(pod: Running, sandbox: Sandbox, conn: asyncpg.Connection, **body: Any) -> str:
    """Give by card, pay, and wait until we know of it."""
    given = await give(pod, **body)
    (session,) = await sandbox.sessions(given["paymentId"])
    await sandbox.act(session["id"], "pay")
    await becomes(conn, given["paymentId"], "completed")
    payment: str = given["paymentId"]
    return payment


def stripe_event(kind: str, subject: dict[str, Any], **more: Any) -> bytes:
    """An event as Stripe would send it."""
    name = hashlib.sha256(repr((kind, subject, more)).encode()).hexdigest()[:24]
    event = {"id": f"evt_{name}", "object": "event", "type": kind, "livemode": False, "created": int(time.time())}
    return json.dumps({**event, "data": {"object": subject}, **more}).encode()


def stripe_signature(body: bytes, *, secret: str = STRIPE_SECRET, moment: int | None = None, scheme: str = "v1") -> str:
    at = int(time.time()) if moment is None else moment
    signed = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},{scheme}={signed}"


async def send_stripe(pod: Running, body: bytes, signature: str | None = None) -> tuple[int, dict[str, Any]]:
    header = stripe_signature(body) if signature is None else signature
    return await pod.call(
        "POST",
        "/webhooks/stripe",
        data=io.BytesIO(body),
        headers={"Stripe-Signature": header, "Content-Type": "application/json"},
    )


def ipn_signature(text: bytes, secret: str = IPN_SECRET, algorithm: Any = hashlib.sha512) -> str:
    """Over the body with its keys sorted."""
    return hmac.new(secret.encode(), text, algorithm).hexdigest()


async def send_hint(pod: Running, **document: Any) -> None:
    """A signed IPN that says this."""
    body = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
    assert (await send_ipn(pod, body, ipn_signature(body)))[0] == 200


async def send_ipn(pod: Running, body: bytes, signature: str) -> tuple[int, dict[str, Any]]:
    headers = {"x-nowpayments-sig": signature, "Content-Type": "application/json"}
    return await pod.call("POST", "/webhooks/nowpayments", data=body, headers=headers)
