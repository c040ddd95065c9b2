"""The routes in the owner's dashboard: who serves them, and switches that say beforehand what they do."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from hingecraft.dashboard import switches
from hingecraft.outbox.model import Endpoint
from support import wix
from support.engines import running_engine
from support.limits import PROGRESS
from support.pods import running_pod
from support.receiver import receiving

SITE = uuid4()
ACTIONS = "SELECT action FROM payment_audit WHERE actor = $1 AND action NOT LIKE 'wix_site%' ORDER BY id"


@pytest.fixture
async def pod(dsn):
    async with running_pod(dsn, **wix.settings(), wix_owner_instances=[str(SITE)]) as pod:
        yield pod


async def routes(pod):
    status, answer = await pod.call("GET", "/api/v1/wix/routes", headers=wix.owner(SITE))
    assert status == 200, answer
    return answer["data"]


async def switch(pod, path, **body):
    status, answer = await pod.call("POST", f"/api/v1/wix/routes/{path}", json=body, headers=wix.owner(SITE))
    return answer["data"] if status == 200 else answer["code"]


def offered(found):
    return {each["code"] for each in found["currencies"] if each["available"]}


async def test_a_preview_says_what_the_switch_then_does(pod, conn):
    before = await routes(pod)
    money = offered(before) & {each["code"] for each in before["currencies"] if each["kind"] == "fiat"}
    coins = offered(before) - money
    assert "EUR" in money
    assert coins
    versions = await conn.fetchval("SELECT count(*) FROM payment_routes")
    for path, body, closes in (
        ("currencies/eur", {"enabled": False}, {"EUR"}),
        ("providers/stripe", {"enabled": False}, money - {"EUR"}),
    ):
        preview = await switch(pod, path, **body, preview=True)
        assert (preview["preview"], set(preview["closed"])) == (True, closes)
        assert preview["sentences"][0].startswith("Pages stop offering")
        assert not await conn.fetch(ACTIONS, f"wix_instance:{SITE}")
        assert offered(await routes(pod)) >= closes
        done = await switch(pod, path, **body)
        assert (done["preview"], done["closed"]) == (False, preview["closed"])
        assert not closes & offered(await routes(pod))
        await conn.execute("SET session_replication_role = replica")
        await conn.execute("DELETE FROM payment_audit")
        await conn.execute("SET session_replication_role = DEFAULT")
    assert await conn.fetchval("SELECT count(*) FROM payment_routes") == versions + 2
    assert offered(await routes(pod)) == coins
    again = await switch(pod, "providers/stripe", enabled=True)
    assert set(again["opened"]) == money - {"EUR"}
    assert (await switch(pod, "currencies/EUR", enabled=True))["opened"] == ["EUR"]
    assert await switch(pod, "currencies/EUR", enabled=True, preview=True) == {
        "preview": True, "version": versions + 4, "closed": [], "opened": [], "moved": [],
        "sentences": ["Nothing changes on the pages."],
    }  # fmt: skip
    assert await pod.serves(versions + 4)
    actions = [row["action"] for row in await conn.fetch(ACTIONS, f"wix_instance:{SITE}")]
    assert actions == ["policy_changed", "currency_switched"]


async def test_a_pin_goes_back_and_is_ended(pod):
    first = (await routes(pod))["version"]["version"]
    await switch(pod, "currencies/EUR", enabled=False)
    preview = await switch(pod, "pin", version=first, preview=True)
    # A currency that is switched off stays off the pages, whatever is pinned.
    assert (preview["closed"], preview["opened"]) == ([], [])
    assert (await switch(pod, "pin", version=first))["version"] == preview["version"]
    found = await routes(pod)
    assert (found["pinVersion"], found["version"]["restoredFrom"]) == (first, first)
    assert "until the pin is ended" in preview["sentences"][0]
    await switch(pod, "pin", version=None)
    assert (await routes(pod))["pinVersion"] is None


async def test_what_cannot_be_switched_says_why(pod, conn):
    assert await switch(pod, "currencies/QQQ", enabled=False) == "unknown_currency"
    assert await switch(pod, "providers/wallet", enabled=False) == "unknown_provider"
    assert await switch(pod, "pin", version=10**6) == "unknown_version"
    await conn.execute("UPDATE route_policy SET managed = '{providers.stripe,pinVersion}', paused = true")
    for preview in (True, False):
        assert await switch(pod, "providers/stripe", enabled=False, preview=preview) == "managed_by_resource"
        assert await switch(pod, "pin", version=1, preview=preview) == "managed_by_resource"
    done = await switch(pod, "currencies/EUR", enabled=False)
    assert done["sentences"] == ["Publishing is paused, so pages do not change until it is resumed."]


@pytest.mark.usefixtures("patient")
async def test_switches_at_the_same_moment_follow_each_other(pod, conn):
    codes = ["EUR", "GBP", "SEK", "NOK", "DKK"]
    answers = await asyncio.gather(
        *(switch(pod, f"currencies/{code}", enabled=False) for code in codes),
        *(switch(pod, f"currencies/{code}", enabled=False, preview=True) for code in codes),
    )
    done = answers[: len(codes)]
    assert [each["closed"] for each in done] == [[code] for code in codes]
    assert len({each["version"] for each in done}) == len(codes)


@pytest.mark.parametrize("preview", [True, False])
async def test_a_switch_whose_transaction_postgres_has_ended_is_done_again(pod, conn, monkeypatch, preview):
    """As when the pod stood still while others waited for its lock: nothing of the first time is kept."""
    offered_now = switches._offered
    ended: list[int] = []

    async def standing_still(mine):
        if not ended:
            over = asyncio.Event()
            ended.append(mine.get_server_pid())
            mine.add_termination_listener(lambda _: over.set())
            await mine.execute("SET LOCAL idle_in_transaction_session_timeout = '1ms'")
            await over.wait()
        return await offered_now(mine)

    monkeypatch.setattr(switches, "_offered", standing_still)
    done = await switch(pod, "currencies/EUR", enabled=False, preview=preview)
    assert (done["closed"], done["version"], len(ended)) == (["EUR"], 2, 1)
    assert await conn.fetchval("SELECT count(*) FROM payment_routes") == (1 if preview else 2)
    assert len(await conn.fetch(ACTIONS, f"wix_instance:{SITE}")) == (0 if preview else 1)


async def test_pods_and_sites_are_listed_with_their_version_and_latency(pod, dsn):
    async with receiving() as site:
        endpoints = [Endpoint(name="site", url=site.url), Endpoint(name="gone", url="http://127.0.0.1:9/x")]
        async with running_engine(dsn, [pod.internal, "http://127.0.0.1:9"], endpoints):
            found = await routes(pod)
            async with asyncio.timeout(PROGRESS):
                while not _all_said(found):
                    await asyncio.sleep(0.05)
                    found = await routes(pod)
    ours, missing = sorted(found["pods"], key=lambda each: not each["isCurrent"])
    assert (ours["name"], ours["version"]) == (pod.internal, found["version"]["version"])
    assert 0 <= ours["latencyMs"] < PROGRESS * 1000
    assert (missing["version"], missing["isCurrent"], missing["latencyMs"]) == (0, False, None)
    assert found["servedEverywhere"] is False
    gone, told = found["endpoints"]
    assert (told["state"], told["deliveredVersion"]) == ("ok", found["version"]["version"])
    assert told["latencyMs"] >= 0
    assert (gone["name"], gone["state"]) == ("gone", "failing")
    assert gone["reason"]
    _, answer = await pod.call("GET", "/api/v1/wix/overview", headers=wix.owner(SITE))
    attention = {each["kind"]: each for each in answer["data"]["attention"]}
    assert attention["pods_lagging"]["names"] == ["http://127.0.0.1:9"]


def _all_said(found):
    delivered = {each["name"]: each for each in found["endpoints"]}
    pods = {each["isCurrent"]: each for each in found["pods"]}
    return (
        len(delivered) == 2
        and delivered["site"]["deliveredAt"]
        and delivered["gone"]["failures"]
        and len(pods) == 2
        and pods[False]["failure"]
    )
