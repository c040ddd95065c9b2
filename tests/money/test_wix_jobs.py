"""A reconciliation that a site's owner asks for: at the providers and at Wix, also on their bad days."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from hingecraft.jobs import worker
from hingecraft.settings import Secret
from hingecraft.wix_app.sites import service as sites
from support.jobs import ENDED, Owner
from support.limits import PROGRESS
from support.pods import Running, running_pod
from support.sandbox import Sandbox
from support.wix_stand_in import WixStandIn

pytestmark = pytest.mark.usefixtures("few_links")

PLANS = "SELECT count(*) FROM wix_sites WHERE plan = 'pro'"


@dataclass
class Scene:
    wix: WixStandIn
    owner: Owner
    pod: Running

    async def sites_that_bought(self, number: int) -> None:
        """Their events are lost."""
        for name in range(number):
            site = await self.wix.install(f"Site {name}")
            async with self.pod.pod.database.transaction() as conn:
                await sites.installed(conn, site, datetime.now(UTC), None, actor="test", request_id="test")
            await self.wix.act(site, "buy", product="pro")

    async def reconciled(self) -> dict[str, Any]:
        return await self.owner.ended(self.pod, await self.owner.ask(self.pod, "reconcile"))


@pytest.fixture
async def scene(dsn: Secret, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr(worker, "_REPORTS_EVERY", 0.05)
    wix = WixStandIn(sandbox)
    await wix.clock()
    await sandbox.ask("PUT", "/_sandbox/webhooks", json={"enabled": False})
    site: UUID = await wix.install("Our own")
    owner = Owner(site, (await wix.tokens(site))["instance"])
    settings = {**sandbox.settings, **await wix.settings(wix_owner_instances=str(site))}
    async with running_pod(dsn, **settings) as pod:
        yield Scene(wix, owner, pod)


async def test_finds_what_events_would_have_said(scene: Scene, conn: asyncpg.Connection):
    await scene.sites_that_bought(2)
    done = await scene.reconciled()
    assert (done["status"], done["progressPercent"], done["error"]) == ("completed", 100, None), done
    assert (done["result"]["wixSitesChecked"], done["result"]["wixPlansChanged"]) == (3, 2)
    assert await conn.fetchval(PLANS) == 2
    assert await conn.fetchval("SELECT count(*) FROM reconcile_runs WHERE succeeded") == 1


async def test_tells_what_it_waits_for_while_wix_is_slow_and_rejects_its_token(scene: Scene, conn: asyncpg.Connection):
    await scene.sites_that_bought(3)
    await scene.wix.sandbox.fault("slow", provider="wix", seconds=0.5, times=99)
    job, steps = await scene.owner.ask(scene.pod, "reconcile"), list[str]()
    async with asyncio.timeout(PROGRESS):
        while (found := await scene.owner.job(scene.pod, job))["status"] not in ENDED:
            if "Comparing" in (found["currentStep"] or "") and not steps:
                await scene.wix.sandbox.ask("DELETE", "/_sandbox/wix/tokens")
            steps.append(f"{found['progressPercent']} {found['currentStep']}")
            await asyncio.sleep(0.05)
    assert found["status"] == "completed", found
    assert any("Comparing with Stripe and Wix" in step for step in steps), steps
    percents = [int(step.partition(" ")[0]) for step in steps]
    assert percents == sorted(percents)
    assert await conn.fetchval(PLANS) == 3


async def test_fails_with_a_sentence_while_wix_is_down(scene: Scene, conn: asyncpg.Connection):
    await scene.sites_that_bought(1)
    await scene.wix.sandbox.fault("status_before", provider="wix", status=503, times=999)
    done = await scene.reconciled()
    assert done["status"] == "failed"
    assert done["error"].startswith("Not everything could be checked: Wix could not be asked about a site: ")
    assert done["result"]["errors"] >= 1
    assert await conn.fetchval(PLANS) == 0
