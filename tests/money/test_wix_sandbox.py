"""The stand-in for Wix: what becomes of its webhooks, and what happens as time passes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import jwt
import pytest
from aiohttp import web

from hingecraft.providers.patience import Deadline
from support.limits import PROGRESS
from support.sandbox import Sandbox
from support.wix_stand_in import WixStandIn


class Backend:
    """Receives Wix's webhooks as a backend would; `answers` are the statuses of the next ones, then 200."""

    def __init__(self) -> None:
        self.address = ""
        self.answers: list[int] = []
        self.received: list[tuple[str, dict[str, Any]]] = []

    async def take(self, request: web.Request) -> web.Response:
        claims = jwt.decode(await request.text(), options={"verify_signature": False})
        self.received.append((request.path.removeprefix("/api/v1/wix/webhook"), claims))
        return web.Response(status=self.answers.pop(0) if self.answers else 200)

    @property
    def types(self) -> list[str]:
        return [json.loads(claims["data"])["eventType"] for _, claims in self.received]

    async def has(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PROGRESS):
            while not holds():
                await asyncio.sleep(0.01)


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    made = Backend()
    app = web.Application()
    app.router.add_post("/{any:.*}", made.take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@pytest.fixture
async def wix(sandbox: Sandbox, backend: Backend) -> AsyncIterator[WixStandIn]:
    stand_in = WixStandIn(sandbox)
    await stand_in.switch(backend=backend.address)
    yield stand_in
    await stand_in.clock()


async def test_sends_each_event_to_its_path(wix: WixStandIn, backend: Backend):
    site = await wix.install()
    await wix.act(site, "buy", product="pro")
    await wix.act(site, "cancel")
    await wix.act(site, "remove")
    await backend.has(lambda: len(backend.received) == 5)
    assert {path for path, _ in backend.received} == {
        "/app-installed", "/plan-purchased", "", "/plan-cancelled", "/app-removed",
    }  # fmt: skip


async def test_resends_until_it_is_taken(wix: WixStandIn, backend: Backend):
    await wix.switch(backend=backend.address, minute=0.01)
    backend.answers = [500, 401]
    site = await wix.install()
    await backend.has(lambda: len(backend.received) == 3)
    async with asyncio.timeout(PROGRESS):
        while len(attempts := (await wix.site(site))["events"][0]["attempts"]) < 3:
            await asyncio.sleep(0.01)
    assert [(each["status"], each["again"]) for each in attempts] == [(500, 0.01), (401, 0.1), (200, None)]
    issued = [claims["iat"] for _, claims in backend.received]
    assert issued == sorted(issued)


async def test_resends_twelve_times_in_two_days_and_then_gives_up(wix: WixStandIn, backend: Backend):
    """Wix's schedule, in minutes."""
    minute = 0.0001
    await wix.switch(backend=backend.address, minute=minute)
    backend.answers = [500] * 13
    site = await wix.install()
    async with asyncio.timeout(PROGRESS):
        while len(attempts := (await wix.site(site))["events"][0]["attempts"]) < 13:
            await asyncio.sleep(0.01)
    pauses = [round(each["again"] / minute) for each in attempts[:-1]]
    assert pauses == [1, 10, 60, 120, 120, 120, 240, 240, 240, 480, 480, 720]
    assert attempts[-1]["again"] is None


async def test_a_resend_may_come_with_an_expired_token(wix: WixStandIn, backend: Backend):
    await wix.switch(backend=backend.address, minute=0.01, expired_from=2)
    backend.answers = [500]
    await wix.install()
    await backend.has(lambda: len(backend.received) == 2)
    first, second = (claims for _, claims in backend.received)
    assert second["exp"] < second["iat"] + 7200 <= first["iat"] + 1
    assert first["data"] == second["data"]


async def test_loses_doubles_and_delays(wix: WixStandIn, backend: Backend):
    webhooks = "/_sandbox/webhooks"
    await wix.sandbox.ask("PUT", webhooks, json={"enabled": False})
    site = await wix.install()
    await wix.sandbox.ask("PUT", webhooks, json={"delay": 1})
    await wix.act(site, "remove")
    await wix.sandbox.ask("PUT", webhooks, json={"times": 2})
    await wix.act(site, "reinstall")
    await backend.has(lambda: len(backend.received) == 3)
    assert backend.types == ["AppInstalled", "AppInstalled", "AppRemoved"]
    assert [each["lost"] for each in (await wix.site(site))["events"]] == [False, False, True]


async def test_plans_renew_convert_and_end_as_time_passes(wix: WixStandIn, backend: Backend):
    renewing, declined, cancelled, trial = [await wix.install(name) for name in ("A", "B", "C", "D")]
    for site in (renewing, declined, cancelled):
        await wix.act(site, "buy", product="pro")
    await wix.act(declined, "decline")
    await wix.act(cancelled, "cancel")
    await wix.act(trial, "buy", product="starter", trial="True")
    client = wix.client()
    first = (await client.app_instance(renewing, Deadline.within(PROGRESS))).billing
    await wix.sandbox.ask("PUT", "/_sandbox/clock", json={"months": 1, "hours": 1})
    billing = {}
    for site in (renewing, declined, cancelled, trial):
        billing[site] = (await client.app_instance(site, Deadline.within(PROGRESS))).billing
    await client.close()
    again, paid = billing[renewing], billing[trial]
    assert first is not None
    assert again is not None
    assert paid is not None
    assert again.invoice_id != first.invoice_id
    assert again.started_at == first.started_at
    assert (billing[declined], billing[cancelled]) == (None, None)
    assert not paid.in_trial
    assert paid.invoice_id is not None
    await backend.has(lambda: {"PlanConvertedToPaid", "PaidPlanAutoRenewalCancelled"} <= {*backend.types})
    reasons = [
        json.loads(json.loads(claims["data"])["data"]).get("cancelReason")
        for path, claims in backend.received
        if path == "/plan-cancelled"
    ]
    assert sorted(reasons) == ["FAILED_PAYMENT", "USER_CANCEL"]


async def test_a_person_plays_the_owner_on_its_pages(wix: WixStandIn, backend: Backend):
    ask = wix.sandbox.ask
    page = await ask("POST", "/wix/install", data={"name": "<b>Lakeside"})
    assert "&lt;b&gt;Lakeside" in page
    assert "<b>Lakeside" not in page
    path = "/wix/sites/" + page.split("/wix/sites/")[1].split("/")[0]
    await backend.has(lambda: len(backend.received) == 1)
    page = await ask("POST", f"{path}/buy", data={"product": "gold-2026", "cycle": "YEARLY"})
    assert "Gold" in page
    assert "490.00 USD" in page
    page = await ask("POST", f"{path}/refund", data={"invoice": page.split('name="invoice" value="')[1].split('"')[0]})
    assert "refunded" in page
    page = await ask("POST", f"{path}/duplicate")
    assert "Copy of" in page
    assert "Remove the app" in page
    assert "Copy of" in await ask("GET", "/wix")
    assert '/wix"' in await ask("GET", "/")
