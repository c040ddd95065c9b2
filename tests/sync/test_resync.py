"""The job that brings routes up to date everywhere, and what it says of pods and Wix endpoints that are behind."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from hingecraft.outbox.model import Endpoint
from hingecraft.routes import resync
from support.engines import running_engine
from support.jobs import Owner
from support.limits import PROGRESS
from support.pods import running_pod
from support.receiver import accept, receiving

LINK = "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ('stripe', 'usd', $1)"


@pytest.fixture
def owner():
    return Owner()


@pytest.fixture
async def pod(dsn, owner):
    async with running_pod(dsn, **owner.settings) as pod:
        yield pod


@pytest.fixture
async def site():
    async with receiving() as receiver:
        yield receiver


async def resynced(owner, pod):
    return await owner.ended(pod, await owner.ask(pod, "resync"))


async def test_ends_when_all_pods_and_endpoints_have_the_newest_version(dsn, conn, owner, pod, site):
    async with running_engine(dsn, [pod.internal], [Endpoint(name="site", url=site.url)]) as engine:
        await engine.until(1)
        await conn.execute(LINK, "https://buy.example/1")
        done = await resynced(owner, pod)
        version = done["result"]["version"]
        expected = {"version": version, "pods": 1, "podsBehind": [], "endpoints": 1, "endpointsBehind": []}
        assert (done["status"], done["result"]) == ("completed", expected), done
        assert pod.pod.cache.version == version
        assert (await resynced(owner, pod))["result"] == expected, "there is nothing more to do"


async def test_an_endpoint_that_failed_is_told_again_at_once(dsn, conn, owner, pod, site, monkeypatch):
    async def refuse(_request):
        return web.Response(status=500)

    site.behave = refuse
    async with running_engine(dsn, [pod.internal], [Endpoint(name="site", url=site.url)]) as engine:
        await engine.until(1)
        async with asyncio.timeout(PROGRESS):
            while not await conn.fetchval("SELECT failures FROM webhook_endpoints"):
                await asyncio.sleep(0.02)
        monkeypatch.setattr(resync, "_ENDPOINTS_WITHIN", 0.1)
        failed = await resynced(owner, pod)
        assert (failed["status"], failed["result"]["endpointsBehind"]) == ("failed", ["site"])
        assert "have not taken version 1 yet: site (" in failed["error"]
        # Its next attempt by itself would be later than this test waits.
        await conn.execute("UPDATE outbox SET next_attempt_at = now() + interval '1 day' WHERE state = 'pending'")
        site.behave = accept
        monkeypatch.setattr(resync, "_ENDPOINTS_WITHIN", PROGRESS)
        assert (await resynced(owner, pod))["status"] == "completed"


async def test_says_why_when_nothing_can_be_published(conn, owner, pod, monkeypatch):
    monkeypatch.setattr(resync, "_PODS_WITHIN", 0.1)
    assert (await resynced(owner, pod))["error"].startswith("No engine has reported any pod")
    await conn.execute("UPDATE route_policy SET paused = true")
    assert (await resynced(owner, pod))["error"].startswith("Publishing is paused")
