"""Errors of real processes, on routes that carry personal data and secrets, as Sentry receives them."""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager

import aiohttp
import pytest

from hingecraft import __version__
from hingecraft_sandbox.providers.webhooks import stripe_headers
from support.folders import open_folder
from support.processes import ApiProcess, HingecraftProcess
from support.sandbox import STRIPE_KEY
from support.sentry import taking_reports

NAME, EMAIL, TOKEN = "Alex Example", "alex@example.com", "eyJhbGciOi.eyJzdWIi.c2lnbmF0dXJl"
SIGNING, STRIPE_SECRETS = "whsec_sandbox", {"STRIPE_SECRET": STRIPE_KEY, "STRIPE_WEBHOOK_SECRET": "whsec_sandbox"}
CLIENT_SECRET = "pi_3ABC_secret_hCTj7"
# Postgres quotes the whole row in the text of the error.
REJECT_PREFILLS = 'ALTER TABLE "ContributionIntent" ADD CONSTRAINT broken CHECK (false) NOT VALID'
REJECT_PROCESSED = "ALTER TABLE provider_events ADD CONSTRAINT broken CHECK (processed_at IS NULL) NOT VALID"
REJECT_RUNS = "ALTER TABLE reconcile_runs ADD CONSTRAINT broken CHECK (false) NOT VALID"
REJECT_VERSIONS = "ALTER TABLE payment_routes ADD CONSTRAINT broken CHECK (false) NOT VALID"
CLOSE_CHF = "UPDATE currencies SET enabled = false WHERE code = 'CHF'"


@pytest.fixture
def sentry():
    with taking_reports() as taken:
        yield taken


@pytest.fixture
def folder():
    with open_folder() as made:
        yield made


@asynccontextmanager
async def running(process):
    await process.start()
    try:
        yield process
    finally:
        await process.stop()


def clean(sentry, dsn) -> str:
    """Everything that was sent, once it is sure that nothing of a person or a secret is in it."""
    password = dsn.newest.partition("://")[2]
    sent = sentry.text
    for each in (NAME, "Example", EMAIL, TOKEN, CLIENT_SECRET, STRIPE_KEY, SIGNING, password, "192.0.2.7"):
        assert each not in sent, each
    # Nor in the form in which Postgres shows bytes.
    assert EMAIL.encode().hex() not in sent
    return sent


async def test_a_pod_reports_what_failed_and_not_who_asked(dsn, conn, folder, sentry):
    await conn.execute(f"{REJECT_PREFILLS}; {REJECT_PROCESSED}")
    pod = ApiProcess(folder, "api", dsn.newest, SENTRY_DSN=sentry.dsn, TRUSTED_PROXIES="127.0.0.1", **STRIPE_SECRETS)
    async with running(pod), aiohttp.ClientSession(pod.public) as client:
        await pod.until("/ready", 200)
        headers = {
            "X-Request-Id": "browser-1", "Authorization": f"Bearer {TOKEN}", "Cookie": f"session={TOKEN}; name={NAME}",
            "X-Forwarded-For": "192.0.2.7", "Referer": f"https://www.example.com/?email={EMAIL}",
        }  # fmt: skip
        gift = {"amount": "37.50", "userInfo": {"name": NAME, "email": EMAIL}}
        async with client.post(
            "/mission-support/other", params={"email": EMAIL, "clientSecret": CLIENT_SECRET}, json=gift, headers=headers
        ) as response:
            assert response.status == 500, await response.text()
        (first,) = await asyncio.to_thread(sentry.until, 1)
        event = {
            "id": "evt_1", "object": "event", "type": "payment_intent.succeeded", "livemode": False, "created": 1,
            "data": {"object": {"id": "pi_3ABC", "client_secret": CLIENT_SECRET, "receipt_email": EMAIL, "name": NAME}},
        }  # fmt: skip
        body = json.dumps(event).encode()
        async with client.post("/webhooks/stripe", data=body, headers=stripe_headers(SIGNING, body)) as response:
            assert response.status == 200, await response.text()
        _, second, *_ = await asyncio.to_thread(sentry.until, 2)
    assert first["tags"] == {"request_id": "browser-1"}
    assert first["transaction"] == "POST /mission-support/other"
    assert second["tags"] == {"event_id": "evt_1", "source": "stripe"}
    for report in (first, second):
        assert report["exception"]["values"][-1]["type"] == "CheckViolationError"
        assert report["exception"]["values"][-1]["stacktrace"]["frames"]
        assert (report["release"], report["server_name"]) == (f"hingecraft@{__version__}", "api")
    clean(sentry, dsn)
    lines = [json.loads(line) for line in pod.log.read_text().splitlines() if line.startswith("{")]
    (line,) = [line for line in lines if line.get("request_id") == "browser-1" and "trace" in line]
    assert "violates check constraint" in line["trace"], "the log has the text, by the same request id"


async def test_sync_reports_what_failed_without_its_dsn(dsn, conn, folder, sentry):
    sync = HingecraftProcess(
        folder, "sync", "sync", DATABASE_URL=dsn.newest, SENTRY_DSN=sentry.dsn, API_ADDRESSES="http://127.0.0.1:9",
    )  # fmt: skip
    await conn.execute(REJECT_VERSIONS)
    async with running(sync):
        await conn.execute(CLOSE_CHF)
        first, *_ = await asyncio.to_thread(sentry.until, 1)
    assert first["server_name"] == "sync"
    assert first["exception"]["values"][-1]["type"] == "CheckViolationError"
    clean(sentry, dsn)


async def test_a_reconciliation_reports_what_failed_before_it_ends(dsn, conn, sandbox_process, folder, sentry):
    await conn.execute(REJECT_RUNS)
    run = HingecraftProcess(
        folder, "reconcile", "reconcile", "--once", DATABASE_URL=dsn.newest, SENTRY_DSN=sentry.dsn,
        **sandbox_process.environment,
    )  # fmt: skip
    await run.start()
    assert await run.wait() != 0
    (report,) = sentry.events
    assert (report["server_name"], report["exception"]["values"][-1]["type"]) == ("reconcile", "CheckViolationError")
    clean(sentry, dsn)
