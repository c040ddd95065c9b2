"""Pods come and go under load, and nobody who gives notices."""

from __future__ import annotations

import asyncio
import json
import uuid

import pytest

from support.helm_release import until
from support.through_ingress import MICRO, traffic

pytestmark = pytest.mark.timeout(300)


def settled(release):
    """As many pods are ready as are wanted, and none is going."""
    status = release.get("deployment", f"{release.name}-api")["status"]
    return status.get("readyReplicas") == status.get("replicas") == status.get("updatedReplicas")


async def test_a_rolling_update_and_a_rollback_lose_no_request(release, people):
    site, _ = people
    before = set(release.ready_pods("api"))
    async with traffic(site) as seen:
        await asyncio.to_thread(release.install, "--set-string=api.podAnnotations.rolled=once")
        await asyncio.to_thread(until, lambda: settled(release), 60)
        middle = set(await asyncio.to_thread(release.ready_pods, "api"))
        assert not before & middle
        await asyncio.to_thread(release.helm, "rollback", release.name, "--wait", "--timeout=120s")
        await asyncio.to_thread(until, lambda: settled(release), 60)
        assert not middle & set(await asyncio.to_thread(release.ready_pods, "api"))
    assert seen.failures == []
    assert min(seen.answers.values()) > 50
    assert "rolled" not in json.dumps(release.get("deployment", f"{release.name}-api")["spec"])


async def test_a_pod_that_is_deleted_finishes_what_it_began(release, people):
    site, _ = people
    async with traffic(site) as seen:
        for pod in release.ready_pods("api"):
            await asyncio.to_thread(release.kubectl, "delete", "pod", pod)
            await asyncio.to_thread(until, lambda: settled(release), 60)
    assert seen.failures == []


async def test_a_pod_that_is_killed_takes_only_what_it_was_doing(release, people):
    """A caller that got no answer asks again with the same key, and has one checkout."""
    site, bank = people
    keys = [uuid.uuid4().hex for _ in range(20)]
    victim = release.ready_pods("api")[0]
    await bank.ask("PUT", "/_sandbox/latency", json={"seconds": 4})

    async def give(key):
        return await site.call("POST", MICRO, json={"amount": 5}, headers={"Idempotency-Key": key})

    asked = [asyncio.create_task(give(key)) for key in keys]
    await asyncio.sleep(1)
    await asyncio.to_thread(release.kill, victim)
    lost = [
        key
        for key, answer in zip(keys, await asyncio.gather(*asked, return_exceptions=True), strict=True)
        if not answered(answer)
    ]
    assert 0 < len(lost) < len(keys)
    await bank.ask("PUT", "/_sandbox/latency", json={"seconds": 0})
    for key in lost:
        async with asyncio.timeout(60):
            while not answered(await give(key)):
                await asyncio.sleep(1)
    again = [await give(key) for key in keys]
    assert all(answered(answer) for answer in again)
    assert len({answer["data"]["paymentId"] for _, answer in again}) == len(keys)
    await asyncio.to_thread(until, lambda: settled(release), 60)


def answered(result):
    return not isinstance(result, BaseException) and result[0] == 200


async def test_more_pods_come_with_load_and_go_without(release, people):
    site, _ = people
    await asyncio.to_thread(scale_up_from, release, 25)
    async with traffic(site, readers=24, givers=6, pause=0) as seen:
        await asyncio.to_thread(until, lambda: len(release.ready_pods("api")) > 2, 120)
    assert seen.failures == []
    await asyncio.to_thread(until, lambda: len(release.pods("api")) == 2, 150)
    await asyncio.to_thread(scale_up_from, release, 80)


def scale_up_from(release, percent):
    """How much of the CPU that it requests a pod uses before another comes. On a busy machine pods get little of it."""
    target = {"type": "Utilization", "averageUtilization": percent}
    metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    patch = json.dumps({"spec": {"metrics": metrics}})
    release.kubectl("patch", "horizontalpodautoscaler", f"{release.name}-api", "--type=merge", f"--patch={patch}")


async def test_evictions_leave_enough_pods(release, people):
    """The budget lets one go; the next is refused until another has come."""
    site, _ = people
    await asyncio.to_thread(until, lambda: len(release.ready_pods("api")) >= 2 and settled(release), 60)
    first, second = release.ready_pods("api")[:2]
    async with traffic(site) as seen:
        await asyncio.to_thread(evict, release, first)
        refused = await asyncio.to_thread(evict_refused, release, second)
        assert "disruption budget" in refused
        await asyncio.to_thread(until, lambda: len(release.ready_pods("api")) >= 2 and settled(release), 60)
    assert seen.failures == []


def evict(release, pod):
    path = f"/api/v1/namespaces/{release.namespace}/pods/{pod}/eviction"
    document = {
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": release.namespace}
    }  # fmt: skip
    return release.kubectl("create", "--raw", path, "--filename=-", given=json.dumps(document))


def evict_refused(release, pod):
    with pytest.raises(Exception, match="Cannot evict") as refused:
        evict(release, pod)
    return str(refused.value)
