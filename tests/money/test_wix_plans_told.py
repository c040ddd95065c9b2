"""Plans as the stand-in for Wix tells them to a pod: bought, renewed, refunded, cancelled, and asked about."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest

from support.limits import PROGRESS
from support.pods import Running, running_pod
from support.wix import STATUS, as_instance
from support.wix_stand_in import WixStandIn

SPEND = "/api/v1/wix/credits/spend"


@pytest.fixture
async def wix(sandbox):
    return WixStandIn(sandbox)


@pytest.fixture
async def pod(dsn, wix):
    async with running_pod(dsn, **await wix.settings()) as pod:
        await wix.switch(backend=pod.public, minute=0.01)
        yield pod


async def header(wix: WixStandIn, site: UUID) -> dict[str, str]:
    return as_instance((await wix.tokens(site))["instance"])


async def until(pod: Running, headers: dict[str, str], holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The status, once it is as it should be."""
    found: dict[str, Any] = {}
    try:
        async with asyncio.timeout(PROGRESS):
            while not (found and holds(found)):
                found = (await pod.call("GET", STATUS, headers=headers))[1].get("data", {})
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"it stayed {found}") from None
    return found


async def test_a_plan_is_bought_renewed_refunded_and_cancelled(pod, wix):
    site = await wix.install()
    owner = await header(wix, site)
    await until(pod, owner, lambda status: status["isTrial"] and status["credits"] == 3)
    await wix.act(site, "buy", product="starter")
    bought = await until(pod, owner, lambda status: status["plan"] == "starter")
    assert bought["credits"] == 53
    body = {"amount": 20, "reference": "r"}
    assert (await pod.call("POST", SPEND, json=body, headers=owner))[1]["data"] == {"credits": 33}
    # Wix sends nothing for a renewal but the status of its invoice.
    await wix.sandbox.ask("PUT", "/_sandbox/clock", json={"months": 1, "hours": 1})
    renewed = await until(pod, owner, lambda status: status["credits"] == 53)
    assert renewed["creditsUsed"] == 0
    assert renewed["currentPeriodEnd"] > bought["currentPeriodEnd"]
    await wix.act(site, "refund")
    await until(pod, owner, lambda status: status["credits"] == 3 and status["plan"] == "starter")
    await wix.act(site, "cancel")
    await until(pod, owner, lambda status: status["cancelAtPeriodEnd"])


async def test_a_plan_that_moves_takes_the_rest_of_its_credits_along(pod, wix):
    earlier, later = await wix.install("Earlier"), await wix.install("Later")
    before, after = await header(wix, earlier), await header(wix, later)
    await wix.act(earlier, "buy", product="starter")
    await until(pod, before, lambda status: status["credits"] == 53)
    body = {"amount": 20, "reference": "r"}
    assert (await pod.call("POST", SPEND, json=body, headers=before))[1]["data"] == {"credits": 33}
    await wix.act(earlier, "transfer", to=str(later))
    moved = await until(pod, after, lambda status: status["plan"] == "starter" and status["credits"] != 53)
    assert (moved["credits"], moved["creditsUsed"]) == (33, 0)
    await until(pod, before, lambda status: (status["plan"], status["credits"]) == ("free", 3))
