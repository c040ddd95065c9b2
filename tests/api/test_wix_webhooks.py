"""Messages of Wix: what is stored and answered, and what becomes of those that Wix has not signed for this app."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from hingecraft.wix_app.webhooks.model import ANSWERED_WITHIN
from support import wix
from support.pods import running_pod
from support.tokens import encoded

PATHS = ("app-installed", "app-removed", "plan-purchased", "plan-updated", "plan-cancelled")
STORED = "SELECT count(*) FROM provider_events WHERE source = 'wix'"


@pytest.fixture
async def quiet(dsn):
    """A pod that only stores events."""
    async with running_pod(dsn, **wix.settings(), background=False) as pod:
        yield pod


def forged(site):
    """Messages that Wix has not signed for this app, or that are cut."""
    good = wix.message("AppInstalled", site)
    claims = wix.claims_of("AppInstalled", site, {})
    head, payload, signature = good.split(".")
    none, hs256 = (encoded(json.dumps({"alg": name}).encode()) for name in ("none", "HS256"))
    # The public key as the secret of HMAC.
    digest = hmac.digest(wix.public_key().encode(), f"{hs256}.{payload}".encode(), hashlib.sha256)
    other_key = rsa.generate_private_key(65537, 2048)
    return [
        b"", b"{}", b"\xff\xfe", b"a.b.c", good[:-9], good[5:], good + "x", f"{head}.{payload}", f"{head}.{payload}.",
        f"{none}.{payload}.", f"{none}.{payload}.{signature}", f"{hs256}.{payload}.{encoded(digest)}",
        jwt.encode(claims, other_key, algorithm="RS256"), jwt.encode(claims, wix.app_key(), algorithm="RS384"),
        jwt.encode(claims, wix.app_key(), algorithm="PS256"),
        wix.message("AppInstalled", site, aud=str(uuid4())), wix.message("AppInstalled", site, aud=[]),
        wix.message("AppInstalled", site, iss="wix.com.example"), wix.message("AppInstalled", site, iat=2**40),
    ]  # fmt: skip


async def test_forged_messages_are_rejected_and_leave_nothing(quiet, conn):
    # Fewer than an address may send in a minute.
    answers = [await wix.send(quiet, body) for body in forged(uuid4())]
    assert set(answers) == {(400, "invalid_signature")}
    assert await conn.fetchval(STORED) == 0


async def test_a_large_message_is_not_read(quiet):
    assert await wix.send(quiet, b"x" * 70_000) == (413, "too_large")
    await wix.store(quiet, wix.message("AppInstalled", uuid4(), {"appId": "x" * 9_000}))


async def test_signed_messages_without_an_event_are_rejected(quiet, conn):
    site = uuid4()
    bodies = [
        wix.message("AppInstalled", "not-an-id"), wix.message("", site), wix.message("x" * 300, site),
        *(wix.message("AppInstalled", site, claims) for claims in ({"operationTimeStamp": "yesterday"},)),
    ]  # fmt: skip
    envelope = {"eventType": "AppInstalled", "instanceId": str(site)}
    unreadable: tuple[Any, ...] = ({}, "[]", "{", json.dumps(envelope), json.dumps({**envelope, "data": "7"}))
    for data in unreadable:
        claims = {**wix.claims_of("AppInstalled", site, {}), "data": data}
        bodies.append(jwt.encode(claims, wix.app_key(), algorithm="RS256"))
    assert [await wix.send(quiet, body) for body in bodies] == [(400, "invalid_event")] * len(bodies)
    assert await conn.fetchval(STORED) == 0


async def test_an_expired_message_is_counted_and_not_taken_for_stored(quiet, conn):
    now = int(time.time())
    expired = wix.message("AppInstalled", uuid4(), iat=now - 900, exp=now - 300)
    assert await wix.send(quiet, expired) == (401, "expired_webhook")
    async with quiet.client.get(quiet.internal + "/metrics") as response:
        assert 'refused_signatures_total{kind="wix_webhook_expired"} 1.0' in await response.text()
    # Clocks differ by seconds.
    await wix.store(quiet, wix.message("AppInstalled", uuid4(), exp=now - 20))
    assert await conn.fetchval(STORED) == 1


async def test_each_path_takes_every_event_and_one_event_is_stored_once(quiet, conn):
    site, at = uuid4(), wix.iso(datetime.now(UTC))
    for number, path in enumerate(("", *(f"/{each}" for each in PATHS))):
        # A resend is signed again.
        data = {"operationTimeStamp": at, "vendorProductId": "pro"}
        body = wix.message("PaidPlanPurchased", site, data, iat=int(time.time()) - number)
        await wix.store(quiet, body, wix.WEBHOOK + path)
    assert await conn.fetchval(STORED) == 1
    for claims in ({"aud": None, "iss": None}, {"aud": [wix.APP_ID.upper()]}, {"exp": None}):
        await wix.store(quiet, wix.message("AppRemoved", uuid4(), **claims))


async def test_wix_is_told_in_time_when_an_event_cannot_be_stored(quiet, conn):
    assert ANSWERED_WITHIN < 1.25, "Wix waits no longer"
    async with conn.transaction():
        await conn.execute("LOCK TABLE provider_event_ids IN ACCESS EXCLUSIVE MODE")
        assert await wix.send(quiet, wix.message("AppInstalled", uuid4())) == (503, "database_unavailable")
