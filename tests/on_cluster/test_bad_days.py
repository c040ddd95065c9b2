"""The operator, Postgres and the keys of a provider go and come back."""

from __future__ import annotations

import asyncio

import pytest

from support.helm_release import PROVIDER_KEYS, until
from support.limits import PROGRESS
from support.through_ingress import traffic

pytestmark = pytest.mark.timeout(300)


def published(release):
    return release.get("paymentroutes", release.name)["status"]["version"]


def leader(release):
    return release.get("lease", "hingecraft-operator")["spec"].get("holderIdentity") or ""


def rename(release, name):
    """Change what the routes are made of."""
    release.postgres(f"UPDATE currencies SET name = '{name}' WHERE code = 'EUR'")


def serves(release, version):
    """Every pod has something newer."""
    status = release.get("paymentroutes", release.name)["status"]
    whole = status["podsSummary"].split("/")
    return status["version"] > version and whole[0] == whole[1] != "0"


@pytest.mark.parametrize("how", ["told", "killed"])
def test_another_operator_takes_over(release, how):
    until(lambda: leader(release) in release.ready_pods("operator"), PROGRESS)
    old, version = leader(release), published(release)
    if how == "told":
        release.kubectl("delete", "pod", old)
    else:
        release.kill(old)
    rename(release, f"Euro {how}")
    until(lambda: serves(release, version), PROGRESS)
    until(lambda: len(release.ready_pods("operator")) == 2, 60)


async def test_postgres_is_restarted_and_its_pod_lost(release, people):
    """Routes are served all the while, gifts are taken again afterwards, and every payment is still there."""
    site, bank = people
    given = await site.give(amount=5)
    await bank.pay_by_card(given["paymentId"])
    await site.becomes(given["paymentId"], "completed")
    kept = release.postgres("SELECT count(*), sum(usd_amount) FROM settlements")
    pods = release.ready_pods("api")
    async with traffic(site, givers=0) as seen:
        await asyncio.to_thread(release.kill, f"{release.name}-postgres-0")
        await asyncio.to_thread(until, lambda: release.ready_pods("postgres"), 60)
        await asyncio.to_thread(release.kubectl, "delete", "pod", f"{release.name}-postgres-0")
        await asyncio.to_thread(until, lambda: release.ready_pods("postgres"), 60)
    assert seen.failures == []
    async with asyncio.timeout(PROGRESS):
        while (await site.call("POST", "/mission-support/micro-payment", json={"amount": 1}))[0] != 200:
            await asyncio.sleep(0.5)
    assert release.postgres("SELECT count(*), sum(usd_amount) FROM settlements") == kept
    assert set(release.ready_pods("api")) == set(pods)
    version = published(release)
    await asyncio.to_thread(rename, release, "Euro again")
    await asyncio.to_thread(until, lambda: serves(release, version), PROGRESS)


async def test_a_key_is_rotated_without_a_restart(release, people):
    """As at Stripe: the old key works until nobody uses it any more."""
    site, bank = people
    pods = set(release.ready_pods("api"))
    old, new = PROVIDER_KEYS["STRIPE_SECRET"], f"{PROVIDER_KEYS['STRIPE_SECRET']}_rolled"

    async def used():
        return (await bank.ask("GET", "/_sandbox/switches"))["keys"]

    async def nobody_uses_the_old_one():
        before = await used()
        await asyncio.sleep(5)
        after = await used()
        return after.get(new, 0) > before.get(new, 0) and after.get(old, 0) == before.get(old, 0)

    async with traffic(site, readers=1, givers=4, pause=0.1) as seen:
        await asyncio.sleep(1)
        await asyncio.to_thread(release.secret, "providers", **{**PROVIDER_KEYS, "STRIPE_SECRET": new})
        async with asyncio.timeout(150):
            while not await nobody_uses_the_old_one():
                pass
        await bank.ask("PUT", "/_sandbox/revoked", json=[old])
        await asyncio.sleep(5)
    assert seen.failures == []
    assert seen.answers["gift"] > 50
    assert set(release.ready_pods("api")) == pods
    restarts = [pod["status"]["containerStatuses"][0]["restartCount"] for pod in release.pods("api")]
    assert sum(restarts) == 0
