"""Installations and removals that Wix sends again, late or in another order: Wix is asked which of them holds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import jwt
import pytest

from hingecraft.settings import Secret
from hingecraft_sandbox.wix.config import APP_ID
from support.limits import PROGRESS
from support.pods import Running, running_pod
from support.sandbox import Sandbox
from support.wix import as_instance, code_of, store, until_processed
from support.wix_stand_in import WixStandIn

INSTALLED, REMOVED = "AppInstalled", "AppRemoved"
ASKING = "SELECT count(*) FROM provider_events WHERE must_ask AND claimed_until IS NOT NULL"
IGNORED = "SELECT type, ignored_because FROM provider_events WHERE ignored_because IS NOT NULL"


@pytest.fixture
async def wix(sandbox: Sandbox) -> AsyncIterator[WixStandIn]:
    """The test delivers the events."""
    await sandbox.ask("PUT", "/_sandbox/webhooks", json={"enabled": False})
    yield WixStandIn(sandbox)
    await sandbox.ask("PUT", "/_sandbox/webhooks", json={"enabled": True})


@pytest.fixture
async def pod(dsn: Secret, wix: WixStandIn) -> AsyncIterator[Running]:
    async with running_pod(dsn, **await wix.settings()) as running:
        yield running


class Signer:
    """Signs events, each in a later second than the one before, as a message that is sent again is."""

    def __init__(self, wix: WixStandIn) -> None:
        self._wix = wix
        self._last = 0

    async def sign(self, kind: str, site: UUID) -> str:
        said = {"eventType": kind, "instanceId": str(site), "data": json.dumps({"appId": APP_ID})}
        async with asyncio.timeout(PROGRESS):
            while True:
                answer: Any = await self._wix.sandbox.ask("POST", "/_sandbox/wix/events", json=said)
                token = str(answer["token"])
                signed_at = jwt.decode(token, options={"verify_signature": False})["iat"]
                if signed_at > self._last:
                    self._last = signed_at
                    return token
                await asyncio.sleep(0.05)


async def deliver(pod: Running, conn: asyncpg.Connection, *messages: str) -> None:
    for message in messages:
        await store(pod, message)
        await until_processed(conn)


async def a_minute_old(wix: WixStandIn, site: UUID) -> dict[str, str]:
    """A token from before every event of the test: it proves no installation."""
    return as_instance((await wix.tokens(site, age=60))["instance"])


async def test_an_old_installation_that_is_sent_again_opens_no_removed_site(
    pod: Running, wix: WixStandIn, conn: asyncpg.Connection
):
    signer, site = Signer(wix), await wix.install()
    token = await a_minute_old(wix, site)
    await deliver(pod, conn, await signer.sign(INSTALLED, site))
    await wix.act(site, "remove")
    await deliver(pod, conn, await signer.sign(REMOVED, site), await signer.sign(INSTALLED, site))
    assert await code_of(pod, token) == "401 invalid_wix_instance"
    assert [tuple(row) for row in await conn.fetch(IGNORED)] == [
        (INSTALLED, "the app was removed after this installation")
    ]
    await wix.act(site, "reinstall")
    await deliver(pod, conn, await signer.sign(INSTALLED, site))
    assert await code_of(pod, token) == "200 None"


async def test_a_removal_that_comes_late_is_believed_if_wix_says_the_same(
    pod: Running, wix: WixStandIn, conn: asyncpg.Connection
):
    signer, leaves, returns = Signer(wix), await wix.install("A"), await wix.install("B")
    for site in (leaves, returns):
        await wix.act(site, "remove")
    late = [await signer.sign(REMOVED, site) for site in (leaves, returns)]
    await wix.act(returns, "reinstall")
    await deliver(pod, conn, *[await signer.sign(INSTALLED, site) for site in (leaves, returns)], *late)
    assert await code_of(pod, await a_minute_old(wix, leaves)) == "401 invalid_wix_instance"
    assert await code_of(pod, await a_minute_old(wix, returns)) == "200 None"


async def test_a_removed_site_stays_shut_while_wix_cannot_be_asked(
    pod: Running, wix: WixStandIn, conn: asyncpg.Connection
):
    signer, site = Signer(wix), await wix.install()
    token = await a_minute_old(wix, site)
    await wix.act(site, "remove")
    await deliver(pod, conn, await signer.sign(REMOVED, site))
    await wix.act(site, "reinstall")
    await wix.sandbox.fault("status_before", provider="wix", path="/oauth2/token", status=503, times=100_000)
    await store(pod, await signer.sign(INSTALLED, site))
    async with asyncio.timeout(PROGRESS):
        while not await conn.fetchval(ASKING):
            await asyncio.sleep(0.02)
    assert await code_of(pod, token) == "401 invalid_wix_instance"
    await wix.sandbox.ask("DELETE", "/_sandbox/faults")
    await until_processed(conn)
    assert await code_of(pod, token) == "200 None"
