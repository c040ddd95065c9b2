"""A process whose clock is an hour early asks Wix: what Wix does after that is still newer than its answer."""

from __future__ import annotations

import asyncio

import pytest

from hingecraft_sandbox.postgres import free_port
from support.clocks import environment
from support.folders import open_folder
from support.limits import PROGRESS
from support.pods import running_pod
from support.reconciling import command
from support.sandbox import Sandbox
from support.wix import STATUS, as_instance
from support.wix_stand_in import WixStandIn

PLAN = "SELECT plan, cancel_at_period_end FROM wix_sites"
ASKED_NOW = "SELECT bool_and(checked_at BETWEEN now() - interval '10 minutes' AND now()) FROM wix_sites"
NOBODY = {"STRIPE_SECRET": "", "NOWPAYMENTS_API_KEY": ""}


@pytest.fixture
async def wix():
    with open_folder() as folder:
        sandbox = Sandbox(folder)
        await sandbox.start()
        try:
            await sandbox.ready()
            yield WixStandIn(sandbox)
        finally:
            await sandbox.stop()


async def test_a_cancellation_after_an_answer_to_an_early_clock_counts(dsn, conn, wix):
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    await wix.sandbox.ask("PUT", "/_sandbox/webhooks", json={"enabled": False})
    told = await wix.settings()
    own = {**wix.sandbox.settings, **told, "port": port, "public_url": address}
    async with running_pod(dsn, **own) as pod:
        site = await wix.install()
        token = (await wix.tokens(site))["instance"]
        assert (await pod.call("GET", STATUS, headers=as_instance(token)))[0] == 200
        await wix.act(site, "buy", product="pro")
        early = {name.upper(): value for name, value in told.items()} | NOBODY | environment("+1h")
        code, _, complained = await command(dsn, early, "reconcile", "--once")
        assert code == 0, complained
        assert tuple(await conn.fetchrow(PLAN)) == ("pro", False)
        assert await conn.fetchval(ASKED_NOW)
        await wix.sandbox.ask("PUT", "/_sandbox/webhooks", json={"enabled": True})
        await wix.switch(backend=address)
        await wix.act(site, "cancel")
        async with asyncio.timeout(PROGRESS):
            while tuple(await conn.fetchrow(PLAN)) != ("pro", True):
                await asyncio.sleep(0.05)
