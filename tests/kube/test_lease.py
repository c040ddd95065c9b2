"""The Lease at the real API server, with shorter timings: taken, kept, lost and released.

Where it matters whether a Lease has expired, the test moves the clock: on a slow machine a renewal may take any time.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest

from hingecraft_operator.cluster.client import LEASES, Cluster, ClusterRejectedError, micro_time
from hingecraft_operator.lease import LEASE_NAME, LeaderElector, LeadershipLostError, LeaseTimings
from support.kube import admin_of, until
from support.limits import PROGRESS
from support.virtual_time import in_virtual_time

TIMINGS = LeaseTimings(duration=2.0, renew_deadline=1.2, renew_every=0.2, poll_every=0.1, call_timeout=PROGRESS)


class Clock:
    """Stands still until the test moves it."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def elector(namespace, name, **more):
    return LeaderElector(namespace.cluster, namespace=namespace.name, identity=name, timings=TIMINGS, **more)


async def lease_of(namespace):
    return await namespace.cluster.get(LEASES, namespace.name, LEASE_NAME)


async def holder(namespace):
    lease = await lease_of(namespace)
    return lease["spec"].get("holderIdentity") if lease else None


async def polled(replica, clock):
    """Let a moment pass, and wait until the replica has asked for the Lease since then, whether it took it or not."""
    for _ in range(2):
        # The second one begins when the first one has ended.
        clock.now += 0.001
        await until(lambda: asyncio.sleep(0, replica.tried_at), lambda at: at == clock.now)


async def noticed(replicas, clock):
    """Wait until each has seen the Lease change at this time of the clock."""
    await until(
        lambda: asyncio.sleep(0, [replica._seen and replica._seen.at for replica in replicas]),
        lambda seen: all(at == clock.now for at in seen),
    )


async def test_one_of_many_leads(namespace, clock):
    electors = [elector(namespace, f"replica-{number}", clock=clock) for number in range(5)]
    waiting = [asyncio.create_task(each.acquire()) for each in electors]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    leader = electors[next(number for number, task in enumerate(waiting) if task.done())]
    holding = asyncio.create_task(leader.hold())
    others = [each for each in electors if each is not leader]
    for _ in range(3):
        clock.now += 0.9 * TIMINGS.duration
        await noticed(others, clock)
    assert [task.done() for task in waiting].count(True) == 1
    for task in (*waiting, holding):
        task.cancel()
    await asyncio.gather(*waiting, holding, return_exceptions=True)


async def test_what_is_given_back_is_taken_at_once(namespace, clock):
    """The clock stands still meanwhile: nothing expires."""
    first, second = (elector(namespace, name, clock=clock) for name in ("first", "second"))
    await first.acquire()
    taking = asyncio.create_task(second.acquire())
    await noticed([second], clock)
    assert not taking.done()
    await first.release()
    async with asyncio.timeout(PROGRESS):
        await taking
    assert await holder(namespace) == "second"
    assert (await lease_of(namespace))["spec"]["leaseTransitions"] == 1


async def test_a_leader_that_dies_is_followed_when_its_lease_has_run_out_and_not_before(namespace, clock):
    first, second = (elector(namespace, name, clock=clock) for name in ("first", "second"))
    await first.acquire()
    taking = asyncio.create_task(second.acquire())
    await noticed([second], clock)
    clock.now += TIMINGS.duration - 0.01
    await polled(second, clock)
    assert not taking.done()
    clock.now += 0.01
    async with asyncio.timeout(PROGRESS):
        await taking
    assert await holder(namespace) == "second"


@in_virtual_time
async def test_an_expired_lease_that_cannot_be_read_is_asked_for_at_the_usual_pace():
    slowly = LeaseTimings(duration=1.0, poll_every=0.375, call_timeout=0.5)
    loop = asyncio.get_running_loop()
    cluster: Any = Expiring(loop.time)
    second = LeaderElector(cluster, namespace="shop", identity="second", timings=slowly, clock=loop.time)
    taking = asyncio.create_task(second.acquire())
    await asyncio.sleep(2.25)
    # Once when it expires, and then as often as before.
    assert cluster.asked == [0, 0.375, 0.75, 1, 1.375, 1.75, 2.125]
    taking.cancel()


class Expiring:
    """An API server that answers once, and then does not accept the token any more."""

    def __init__(self, clock):
        self.asked = []
        self._clock = clock

    async def get(self, *_):
        self.asked.append(self._clock())
        if len(self.asked) > 1:
            raise ClusterRejectedError(401, "the token has expired")
        return {"metadata": {"resourceVersion": "1"}, "spec": {"holderIdentity": "first"}}


async def test_a_clock_that_is_wrong_takes_nothing_from_nobody(namespace, clock):
    """The time that stands in the lease is years old: what counts is that it changes."""
    first, second = (elector(namespace, name, clock=clock) for name in ("first", "second"))
    await first.acquire()
    taking = asyncio.create_task(second.acquire())
    await noticed([second], clock)
    for number in range(3):
        clock.now += 0.9 * TIMINGS.duration
        lease = await lease_of(namespace)
        lease["spec"]["renewTime"] = "2020-01-01T00:00:00.000000Z"
        lease["metadata"].setdefault("annotations", {})["touched"] = str(number)
        await namespace.cluster.replace(LEASES, namespace.name, LEASE_NAME, lease)
        await noticed([second], clock)
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
        async with asyncio.timeout(PROGRESS):
            await holding


async def retried(namespace, lease):
    """Write the Lease between two renewals; answers what was written."""
    spec = {**lease["spec"], "renewTime": micro_time()}
    while True:
        written = await lease_of(namespace)
        written["spec"] = spec
        with suppress(ClusterRejectedError):
            return await namespace.cluster.replace(LEASES, namespace.name, LEASE_NAME, written)


async def renewed(namespace, lease):
    """Wait until its holder has renewed this Lease."""
    before = lease["metadata"]["resourceVersion"]
    await until(lambda: lease_of(namespace), lambda seen: seen["metadata"]["resourceVersion"] != before)


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


async def test_who_was_stopped_for_a_while_finds_that_another_leads(namespace, clock):
    """As after a SIGSTOP: the next renewal comes when another has taken the Lease."""
    first = elector(namespace, "first", clock=clock)
    await first.acquire()
    holding = asyncio.create_task(first.hold())
    await renewed(namespace, await lease_of(namespace))
    clock.now += 100
    lease = await lease_of(namespace)
    lease["spec"]["holderIdentity"] = "second"
    await retried(namespace, lease)
    with pytest.raises(LeadershipLostError):
        async with asyncio.timeout(PROGRESS):
            await holding


async def test_a_renewal_whose_answer_was_lost_loses_nothing(namespace):
    """The write was done and nobody said so: the next one finds another version, and our own name in it."""
    first = elector(namespace, "first")
    await first.acquire()
    holding = asyncio.create_task(first.hold())
    for _ in range(4):
        await renewed(namespace, await retried(namespace, await lease_of(namespace)))
    assert not holding.done()
    holding.cancel()


async def test_its_own_name_from_before_a_restart_gives_it_nothing(namespace):
    """The process that wrote it may still run: it is waited for like anybody else."""
    await elector(namespace, "same").acquire()
    loop = asyncio.get_running_loop()
    began = loop.time()
    await elector(namespace, "same").acquire()
    assert loop.time() - began >= TIMINGS.duration
