"""Alerts about the Wix app: products that we do not know, forged messages, and jobs of owners."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from hingecraft.inbox import watch
from hingecraft.jobs import watch as jobs
from hingecraft.providers import patience
from hingecraft_api.features.jobs import JOBS
from support import wix
from support.alerts import SERVICE, proven
from support.jobs import Owner
from support.pods import running_pod

UNKNOWN_PRODUCTS, STALLED = "hingecraft_wix_unknown_products", "hingecraft_jobs_stalled"
ADD_NAME = "INSERT INTO wix_plan_names (name, plan, is_product) VALUES (lower($1), 'agency', true)"
NO_REPORT = "UPDATE jobs SET progressed_at = progressed_at - interval '6 min'"


@pytest.fixture(autouse=True)
def watching(monkeypatch):
    """Pods look at the database often."""
    monkeypatch.setattr(watch, "_EVERY", 0.05)
    monkeypatch.setattr(jobs, "_EVERY", 0.05)


@pytest.fixture
def owner():
    return Owner()


@pytest.fixture
async def pod(dsn, owner):
    async with running_pod(dsn, **owner.settings) as running:
        yield running


async def test_a_site_has_bought_a_product_that_we_do_not_know(pod, conn):
    product = "6C1A-Enterprise"
    async with proven("HingecraftWixUnknownProducts", pod) as unknown:
        bought = {"operationTimeStamp": wix.iso(datetime.now(UTC)), "vendorProductId": product, "cycle": "MONTHLY"}
        await wix.tell(pod, "PaidPlanPurchased", uuid4(), bought)
        await pod.shows(UNKNOWN_PRODUCTS, 1)
        await unknown.fires(
            "Wix sites wait for what they have paid: wix_plan_names lacks 1 products of Wix.", service=SERVICE
        )
        await conn.execute(ADD_NAME, product)
        await pod.shows(UNKNOWN_PRODUCTS, 0)


async def test_messages_are_not_signed_by_wix(pod):
    async with proven("HingecraftWixWebhooksRejected", pod) as rejected:
        for _ in range(6):
            assert await wix.send(pod, b"forged") == (400, "invalid_signature")
        await rejected.fires(
            "6 messages to the Wix app's webhooks were not signed for it, or had expired, within an hour."
        )


async def test_an_owners_job_fails(dsn, conn, owner, sandbox, monkeypatch):
    monkeypatch.setattr(patience, "PAUSES", ())
    await conn.execute("UPDATE currencies SET enabled = code = 'USD'")  # a reconciliation makes a link for each
    async with (
        running_pod(dsn, **owner.settings, **sandbox.settings) as pod,
        proven("HingecraftJobsFail", pod) as fail,
    ):
        await sandbox.fault("status_before", provider="stripe", path="events", status=403, times=100)
        assert (await owner.ended(pod, await owner.ask(pod, "reconcile")))["status"] == "failed"
        await pod.shows('hingecraft_jobs_total{kind="reconcile",state="failed"}', 1)
        await fail.fires(
            "A job (reconcile) that a site's owner asked for has failed within the last hour.", kind="reconcile"
        )


async def test_nobody_works_on_an_owners_job(dsn, owner, conn):
    async with running_pod(dsn, background=False, **owner.settings) as idle:
        watching = asyncio.ensure_future(JOBS.works(idle.pod)["watching jobs"]())
        async with proven("HingecraftJobsStalled", idle) as stalled:
            job = await owner.ask(idle)
            await conn.execute(NO_REPORT)
            await idle.shows(STALLED, 1)
            await stalled.fires("No pod works on jobs that owners of sites wait for: 1.", service=SERVICE)
            assert (await owner.call(idle, "DELETE", f"/{job}"))[0] == 200
            await idle.shows(STALLED, 0)
        watching.cancel()
