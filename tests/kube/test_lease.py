"""The Lease at the real API server, with shorter timings: taken, kept, lost and released."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from hingecraft_operator.cluster.client import LEASES, Cluster, ClusterRejectedError
from hingecraft_operator.lease import LEASE_NAME, LeaderElector, LeadershipLostError, LeaseTimings
from support.kube import admin_of, until
from support.limits import PROGRESS

TIMINGS = LeaseTimings(duration=2.0, renew_deadline=1.2, renew_every=0.2, poll_every=0.1, call_timeout=0.5)


def elector(namespace, name, **more):
    return LeaderElector(namespace.cluster, namespace=namespace.name, identity=name, timings=TIMINGS, **more)


async def lease_of(namespace):
    return await namespace.cluster.get(LEASES, namespace.name, LEASE_NAME)


async def holder(namespace):
    lease = await lease_of(namespace)
    return lease["spec"].get("holderIdentity") if lease else None


async def test_one_of_many_leads(namespace):
    electors = [elector(namespace, f"replica-{number}") for number in range(5)]
    waiting = [asyncio.create_task(each.acquire()) for each in electors]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    leader = electors[next(number for number, task in enumerate(waiting) if task.done())]
    holding = asyncio.create_task(leader.hold())
    await asyncio.sleep(3 * TIMINGS.duration / 2)
    assert [task.done() for task in waiting].count(True) == 1
    for task in (*waiting, holding):
        task.cancel()
    await asyncio.gather(*waiting, holding, return_exceptions=True)


async def test_what_is_given_back_is_taken_at_once(namespace):
    first, second = elector(namespace, "first"), elector(namespace, "second")
    await first.acquire()
    taking = asyncio.create_task(second.acquire())
    await asyncio.sleep(0.3)
    assert not taking.done()
    await first.release()
    async with asyncio.timeout(TIMINGS.duration - 0.6):
        await taking
    assert await holder(namespace) == "second"
    assert (await lease_of(namespace))["spec"]["leaseTransitions"] == 1


async def test_a_leader_that_dies_is_followed_when_its_lease_has_run_out_and_not_before(namespace):
    first, second = elector(namespace, "first"), elector(namespace, "second")
    await first.acquire()
    loop = asyncio.get_running_loop()
    began = loop.time()
    await second.acquire()
    assert TIMINGS.duration <= loop.time() - began < 2 * TIMINGS.duration


async def test_an_expired_lease_that_cannot_be_read_is_asked_for_at_the_usual_pace(namespace, monkeypatch):
    first = elector(namespace, "first")
    slowly = LeaseTimings(duration=1.0, poll_every=0.4, call_timeout=0.5)
    second = LeaderElector(namespace.cluster, namespace=namespace.name, identity="second", timings=slowly)
    await first.acquire()
    taking = asyncio.create_task(second.acquire())
    await asyncio.sleep(slowly.duration / 2)
    rejecting = Rejecting()
    monkeypatch.setattr(second, "_cluster", rejecting)
    await asyncio.sleep(2 * slowly.duration)
    before = rejecting.asked
    await asyncio.sleep(2.0)
    assert 0 < rejecting.asked - before <= 2.0 / slowly.poll_every + 1
    taking.cancel()


class Rejecting:
    """An API server that does not accept the token any more."""

    def __init__(self):
        self.asked = 0

    async def get(self, *_):
        self.asked += 1
        raise ClusterRejectedError(401, "the token has expired")


async def test_a_clock_that_is_wrong_takes_nothing_from_nobody(namespace):
    """The time that stands in the lease is an hour old: what counts is that it changes."""
    first, second = elector(namespace, "first"), elector(namespace, "second")
    await first.acquire()
    taking = asyncio.create_task(second.acquire())
    for _ in range(12):
        lease = await lease_of(namespace)
        lease["spec"]["renewTime"] = "2020-01-01T00:00:00.000000Z"
        lease["metadata"].setdefault("annotations", {})["touched"] = str(_)
        await namespace.cluster.replace(LEASES, namespace.name, LEASE_NAME, lease)
        await asyncio.sleep(0.25)
    assert not taking.done()
    taking.cancel()


async def test_who_has_lost_it_is_told(namespace):
    first = elector(namespace, "first")
    await first.acquire()
    holding = asyncio.create_task(first.hold())
    lease = await until(lambda: lease_of(namespace), bool)
    lease["spec"]["holderIdentity"] = "somebody-else"
    await retried(namespace, lease)
    with pytest.raises(LeadershipLostError):
        async with asyncio.timeout(TIMINGS.renew_every + 1):
            await holding


async def retried(namespace, lease):
    """Write the Lease between two renewals."""
    spec = lease["spec"]
    while True:
        lease = await lease_of(namespace)
        lease["spec"] = spec
        path = LEASES.path(namespace.name, LEASE_NAME)
        status, _, _ = await namespace.cluster._request_once("PUT", path, lease, {}, "application/json")
        if status == 200:
            return


@dataclass
class Isolated:
    """A leader that cannot reach the API server, until `reconnect`."""

    cluster: Cluster
    address: str
    holding: asyncio.Task[None]
    seen: list[bool]

    def reconnect(self) -> None:
        self.cluster.configuration.host = self.address


@pytest.fixture
async def isolated(namespace):
    cluster = await admin_of(namespace.plane)
    seen: list[bool] = []
    first = LeaderElector(cluster, namespace=namespace.name, identity="first", timings=TIMINGS, isolated=seen.append)
    await first.acquire()
    address, cluster.configuration.host = cluster.configuration.host, "https://127.0.0.1:9"
    holding = asyncio.create_task(first.hold())
    await until(lambda: asyncio.sleep(0, seen), lambda found: found[-1:] == [True])
    yield Isolated(cluster, address, holding, seen)
    holding.cancel()
    await cluster.close()


async def test_a_leader_that_cannot_reach_the_api_server_leads_on_until_another_has_taken_over(namespace, isolated):
    assert not isolated.holding.done()
    await elector(namespace, "second").acquire()
    assert not isolated.holding.done()
    isolated.reconnect()
    with pytest.raises(LeadershipLostError):
        async with asyncio.timeout(PROGRESS):
            await isolated.holding


async def test_a_leader_that_was_isolated_and_not_replaced_still_leads(namespace, isolated):
    isolated.reconnect()
    await until(lambda: asyncio.sleep(0, isolated.seen), lambda found: found[-1:] == [False])
    assert not isolated.holding.done()
    assert await holder(namespace) == "first"


async def test_a_lease_that_is_deleted_costs_the_lead_and_is_made_again(namespace):
    first, second = elector(namespace, "first"), elector(namespace, "second")
    await first.acquire()
    holding = asyncio.create_task(first.hold())
    await namespace.cluster.delete(LEASES, namespace.name, LEASE_NAME)
    with pytest.raises(LeadershipLostError):
        async with asyncio.timeout(PROGRESS):
            await holding
    await second.acquire()
    assert await holder(namespace) == "second"


async def test_who_was_stopped_for_a_while_knows_it_by_its_own_clock(namespace):
    """As after a SIGSTOP: the first renewal is late, and is not even tried any more."""
    now = [0.0]
    first = elector(namespace, "first", clock=lambda: now[0])
    await first.acquire()
    holding = asyncio.create_task(first.hold())
    await asyncio.sleep(0.5)
    now[0] += 100
    lease = await lease_of(namespace)
    lease["spec"]["holderIdentity"] = "second"
    await retried(namespace, lease)
    with pytest.raises(LeadershipLostError):
        async with asyncio.timeout(2):
            await holding


async def test_a_renewal_whose_answer_was_lost_loses_nothing(namespace):
    """The write was done and nobody said so: the next one finds another version, and our own name in it."""
    first = elector(namespace, "first")
    await first.acquire()
    path = LEASES.path(namespace.name, LEASE_NAME)
    holding = asyncio.create_task(first.hold())
    for number in range(4):
        lease = await lease_of(namespace)
        lease["metadata"]["annotations"] = {"lost-answer": str(number)}
        await namespace.cluster._request_once("PUT", path, lease, {}, "application/json")
        await asyncio.sleep(0.3)
    assert not holding.done()
    holding.cancel()


async def test_its_own_name_from_before_a_restart_gives_it_nothing(namespace):
    """The process that wrote it may still run: it is waited for like anybody else."""
    await elector(namespace, "same").acquire()
    loop = asyncio.get_running_loop()
    began = loop.time()
    await elector(namespace, "same").acquire()
    assert loop.time() - began >= TIMINGS.duration
