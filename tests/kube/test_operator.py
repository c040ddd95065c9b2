"""From a declared resource to the pods, and back into its status; with only the rights of the manifests."""

from __future__ import annotations

import asyncio
import time

import asyncpg
import pytest

from hingecraft_operator.cluster.client import CRON_JOBS
from support.kube import NO_RESYNC, namespace_of, operating, until
from support.limits import PROGRESS
from support.pods import ADMIN, PUSH_SECRET, running_pod

CLOSE_CHF = "UPDATE currencies SET enabled = false WHERE code = 'CHF'"
OPEN_CHF = "UPDATE currencies SET enabled = true WHERE code = 'CHF'"


async def routes_of(pod):
    return (await pod.call("GET", "/routes"))[1]["data"]["routes"]


async def served_routes(pod, good):
    return await until(lambda: routes_of(pod), good)


async def test_a_commit_reaches_every_pod_and_is_reported(namespace, dsn, conn):
    async with running_pod(dsn) as first, running_pod(dsn) as second, operating(namespace):
        await namespace.pods(first.internal, second.internal)
        await namespace.database_secret(dsn.newest)
        made = await namespace.make(namespace.routes())
        await namespace.becomes("Ready", "True", "ReconcileDegraded")
        await conn.execute(CLOSE_CHF)
        for each in (first, second):
            await each.serves(2)
        status = await namespace.shows(version=2, podsSummary="2/2")
        row = await conn.fetchrow(
            "SELECT checksum, (SELECT id FROM installation)::text AS id FROM payment_routes WHERE version = 2"
        )
        assert (status["checksum"], status["installationId"]) == (row["checksum"], row["id"])
        assert status["pods"] == {"total": 2, "synced": 2, "lagging": []}
        assert status["routeCount"] == len(await routes_of(first))
        assert status["latency"]["last"] > 0
        assert status["observedGeneration"] == made["metadata"]["generation"] == 1
        events = await until(
            namespace.events, lambda seen: any(note.startswith("version 2 is served") for _, note in seen)
        )
        assert dict(events).keys() >= {"Listening", "Published", "Complete"}


@pytest.mark.parametrize("periods", [NO_RESYNC])
async def test_the_status_that_it_writes_makes_it_look_at_nothing(namespace, healthy, conn):
    def looks():
        read = [event["objectRef"] for event in namespace.audited() if event["verb"] == "get"]
        return sum(each["resource"] == "paymentroutes" for each in read)

    async def annotated(number):
        """It looks once the watch has reported this, which comes after all that was written before."""
        before = looks()
        await namespace.annotate("main", {"edited": f"by hand, {number}"})
        await until(lambda: asyncio.to_thread(looks), lambda seen: seen > before)

    began = time.monotonic()
    await annotated(1)
    # Longer than a change needs until it is looked at, on this machine.
    quiet = 1.5 + 5 * (time.monotonic() - began)

    async def settled():
        before = looks()
        await asyncio.sleep(quiet)
        return looks() == before

    await until(settled, bool)
    before = looks()
    await conn.execute(CLOSE_CHF)
    await namespace.shows(version=2, podsSummary="1/1")
    await until(settled, bool)
    await annotated(2)
    await until(settled, bool)
    assert looks() == before + 1


async def test_many_versions_cause_few_writes_of_the_status(namespace, served, conn):
    """One every five seconds while no condition changes, however much happens."""

    def writes():
        asked = [event["objectRef"] for event in namespace.audited() if event["verb"] == "patch"]
        return sum(each.get("subresource") == "status" for each in asked)

    await namespace.shows(podsSummary="1/1")
    started, before = time.monotonic(), writes()
    for number in range(20):
        await conn.execute(OPEN_CHF if number % 2 else CLOSE_CHF)
        async with asyncio.timeout(PROGRESS):
            while await conn.fetchval("SELECT max(version) FROM payment_routes") < number + 2:
                await asyncio.sleep(0.1)
    await namespace.shows(version=21)
    assert writes() - before <= 2 + (time.monotonic() - started) / 5


async def test_the_resource_carries_neither_finalizer_nor_annotation(namespace, served):
    found = (await namespace.read())["metadata"]
    assert "finalizers" not in found
    assert "annotations" not in found
    assert {entry["manager"] for entry in found["managedFields"] if entry["operation"] == "Apply"} == {
        "hingecraft-operator"
    }


async def test_a_pod_that_does_not_answer_is_named(namespace, served, pod, conn):
    dead = "http://127.0.0.1:9"
    await namespace.pods(pod.internal, dead)
    await conn.execute(CLOSE_CHF)
    message = await namespace.becomes("FanoutComplete", "False", "PodsLagging")
    assert "pod-9" in message
    status = await namespace.shows(podsSummary="1/2")
    assert status["pods"]["lagging"] == ["pod-9"]
    assert (await namespace.condition("Ready"))[:2] == ("False", "PodsLagging")
    await namespace.pods(pod.internal)
    await namespace.becomes("FanoutComplete", "True", "Complete")


async def test_a_new_pod_is_told_although_it_is_not_ready_and_nothing_has_changed(namespace, served, pod, dsn, conn):
    await conn.execute(CLOSE_CHF)
    await namespace.shows(version=2)
    async with running_pod(dsn, background=False, wait=False) as late:
        await namespace.pods(pod.internal, late.internal, ready=False)
        await late.serves(2)
        await namespace.shows(podsSummary="2/2")


async def test_without_any_pod_it_says_so(namespace, served):
    await namespace.pods()
    await namespace.becomes("FanoutComplete", "False", "NoPods")


async def test_a_provider_is_switched_off_and_its_switch_is_taken_from_the_admin(namespace, served, pod):
    assert (await routes_of(pod))["CHF"]["available"]
    await namespace.edit("main", providers={"stripe": {"enabled": False}})
    await served_routes(pod, lambda routes: not routes["CHF"]["available"])
    status, body = await pod.call(
        "PATCH", "/admin/policy", headers=ADMIN, json={"providers": {"stripe": {"enabled": True}}}
    )
    assert (status, body["code"]) == (409, "managed_by_resource")
    status, _ = await pod.call(
        "PATCH", "/admin/policy", headers=ADMIN, json={"providers": {"nowpayments": {"enabled": False}}}
    )
    assert status == 200, "a field that the resource does not set stays the admin's"
    await namespace.edit("main", providers={"stripe": {"enabled": True}})
    routes = await served_routes(pod, lambda routes: routes["CHF"]["available"])
    assert routes["BTC"]["provider"] == "wallet" or not routes["BTC"]["available"], "and as the admin left it"


async def test_a_pin_goes_back_and_is_taken_away_again(namespace, served, pod, conn):
    await conn.execute(CLOSE_CHF)
    await namespace.shows(version=2)
    await namespace.edit("main", pinVersion=1)
    await pod.serves(3)
    await conn.execute(OPEN_CHF)
    await served_routes(pod, lambda routes: "CHF" in routes)
    status, body = await pod.call("POST", "/admin/routes/pin", headers=ADMIN, json={"version": None})
    assert (status, body["code"]) == (409, "managed_by_resource")
    await namespace.edit("main", pinVersion=None)
    await until(lambda: conn.fetchval("SELECT pin_version IS NULL FROM route_policy"), bool)
    await conn.execute(CLOSE_CHF)
    await served_routes(pod, lambda routes: "CHF" not in routes)


async def test_a_pin_of_a_version_that_is_gone_is_said(namespace, served):
    await namespace.edit("main", pinVersion=4711)
    message = await namespace.becomes("RoutesBuilt", "False", "PinMissing")
    assert "remove pinVersion" in message
    await namespace.edit("main", pinVersion=None)
    await namespace.becomes("RoutesBuilt", "True", "Published")


async def test_paused_publishes_nothing_and_keeps_serving(namespace, served, pod, conn):
    await namespace.edit("main", paused=True)
    await namespace.becomes("Ready", "True", "ReconcileDegraded")
    await namespace.becomes("RoutesBuilt", "True", "Paused")
    await conn.execute(CLOSE_CHF)
    status, body = await pod.call("POST", "/admin/refresh", headers=ADMIN)
    assert (status, body["code"]) == (409, "paused")
    await asyncio.sleep(1)
    assert "CHF" in await routes_of(pod)
    await namespace.edit("main", paused=False)
    await served_routes(pod, lambda routes: "CHF" not in routes)
    await namespace.becomes("RoutesBuilt", "True", "Published")


async def test_single_use_checkouts_are_published_when_it_says_so(namespace, served, conn):
    await namespace.edit("main", publish={"singleUseCheckouts": True})
    await until(lambda: conn.fetchval("SELECT single_use_checkouts FROM route_policy"), bool)
    assert await conn.fetchval("SELECT managed FROM route_policy") == ["publish.singleUseCheckouts"]
    await namespace.edit("main", publish=None)
    await until(lambda: conn.fetchval("SELECT managed FROM route_policy"), lambda managed: managed == [])
    assert await conn.fetchval("SELECT single_use_checkouts FROM route_policy"), "it keeps its value"


async def test_a_push_secret_is_rotated(namespace, served, pod, dsn, conn):
    """While two are accepted, whichever is used: the pods have both, the operator signs with the first."""
    await namespace.secret("database", DATABASE_URL=dsn.newest, PUSH_SECRET=f"{PUSH_SECRET},the-old-push-secret")
    await namespace.edit("main", sync={"resync": "5s"})
    await conn.execute(CLOSE_CHF)
    await namespace.shows(version=2, podsSummary="1/1")


async def test_a_push_secret_that_the_pods_do_not_know_is_seen_by_their_answers(namespace, served, pod, dsn, conn):
    await namespace.secret("database", DATABASE_URL=dsn.newest, PUSH_SECRET="a-secret-that-nobody-knows")
    await namespace.edit("main", sync={"resync": "5s"})
    message = await namespace.becomes("FanoutComplete", "False", "PodsLagging")
    assert "(HTTP 401)" in message
    await conn.execute(CLOSE_CHF)
    await pod.serves(2)  # it finds the version by itself


async def test_a_missing_and_a_wrong_secret_are_named_and_what_runs_goes_on(namespace, served, pod, dsn, conn):
    await namespace.secret("database", DATABASE_URL=dsn.newest, PUSH_SECRET="")
    await namespace.edit("main", sync={"resync": "5s"})
    message = await namespace.becomes("DatabaseConnected", "False", "SecretMissing")
    assert message == "the Secret database has no key PUSH_SECRET, or it is empty"
    await conn.execute(CLOSE_CHF)
    await pod.serves(2)
    await namespace.secret("database", DATABASE_URL="mysql://nowhere", PUSH_SECRET=PUSH_SECRET)
    message = await namespace.becomes("DatabaseConnected", "False", "SecretWrong")
    assert "must start with postgresql://" in message
    assert "nowhere" not in message
    await namespace.database_secret(dsn.newest)
    await namespace.becomes("DatabaseConnected", "True", "Listening")


async def test_a_secret_that_comes_late_is_found(namespace, pod, dsn):
    async with operating(namespace, periods=NO_RESYNC):
        await namespace.pods(pod.internal)
        await namespace.make(namespace.routes())
        message = await namespace.becomes("Ready", "False", "SecretMissing")
        assert message == f"the Secret database does not exist in the namespace {namespace.name}"
        await namespace.database_secret(dsn.newest)
        await namespace.becomes("DatabaseConnected", "True", "Listening")


async def test_a_second_resource_of_one_database_is_told_who_has_it(namespace, served, dsn):
    await namespace.make(namespace.routes("second", paused=True))
    message = await namespace.becomes("Ready", "False", "DatabaseClaimed", name="second")
    assert f"the database belongs to {namespace.name}/main" in message
    await namespace.becomes("ReconcileHealthy", "False", "DatabaseNotOurs", name="second")
    assert await namespace.cluster.get(CRON_JOBS, namespace.name, "second-reconcile") is None
    policy = await asyncpg.connect(dsn.newest)
    assert not await policy.fetchval("SELECT paused FROM route_policy"), "and it has no say"
    await policy.close()
    await namespace.remove("main")
    await namespace.becomes("RoutesBuilt", "True", "Paused", name="second")
    await until(lambda: namespace.cluster.get(CRON_JOBS, namespace.name, "second-reconcile"), bool)


async def test_a_secret_that_leads_to_another_database_is_not_followed(namespace, served, dsn, pod, other_dsn):
    before = (await namespace.status())["installationId"]
    await namespace.database_secret(other_dsn.newest)
    await namespace.edit("main", paused=True)
    message = await namespace.becomes("Ready", "False", "DatabaseChanged")
    assert before in message
    await until(lambda: namespace.cluster.get(CRON_JOBS, namespace.name, "main-reconcile"), lambda job: job is None)
    other = await asyncpg.connect(other_dsn.newest)
    assert not await other.fetchval("SELECT paused OR claimed_by IS NOT NULL FROM route_policy, installation")
    await other.close()
    assert (await namespace.status())["installationId"] == before
    await namespace.database_secret(dsn.newest)
    await namespace.becomes("RoutesBuilt", "True", "Paused")


async def test_a_claim_of_another_cluster_is_taken_over_only_when_it_is_said(namespace, pod, dsn, conn):
    """Here nobody is called so, which says nothing about the cluster that the claim is from."""
    holder = f"{namespace.name}/away"
    claim = "UPDATE installation SET claimed_by = 'u-1', claimed_as = $1, claimed_in = 'far'"
    await conn.execute(claim, holder)
    async with operating(namespace):
        await namespace.pods(pod.internal)
        await namespace.database_secret(dsn.newest)
        made = await namespace.make(namespace.routes())
        message = await namespace.becomes("Ready", "False", "DatabaseClaimed")
        assert "annotate this one with payments.hingecraft.io/take-over=u-1" in message
        await namespace.annotate("main", {"payments.hingecraft.io/take-over": "u-1"})
        await namespace.becomes("DatabaseConnected", "True", "Listening")
        assert await conn.fetchval("SELECT claimed_by FROM installation") == made["metadata"]["uid"]


async def test_two_namespaces_have_a_database_each(namespace, plane, pod, dsn, other_dsn):
    async with namespace_of(plane) as other, running_pod(other_dsn) as other_pod:
        await other.allow_also(namespace)
        async with operating(namespace, WATCH_NAMESPACES=f"{namespace.name},{other.name}"):
            for where, served_by, database in ((namespace, pod, dsn), (other, other_pod, other_dsn)):
                await where.pods(served_by.internal)
                await where.database_secret(database.newest)
                await where.make(where.routes())
            for where in (namespace, other):
                await where.becomes("FanoutComplete", "True", "Complete")
            await other.edit("main", providers={"stripe": {"enabled": False}})
            await served_routes(other_pod, lambda routes: not routes["CHF"]["available"])
            assert (await routes_of(pod))["CHF"]["available"]


async def test_deleting_it_gives_back_what_it_had(namespace, served, conn):
    await namespace.edit("main", providers={"stripe": {"enabled": False}})
    await until(lambda: conn.fetchval("SELECT managed FROM route_policy"), lambda managed: managed != [])
    await namespace.remove("main")
    await until(lambda: conn.fetchval("SELECT claimed_by IS NULL FROM installation"), bool)
    await until(lambda: conn.fetchval("SELECT managed FROM route_policy"), lambda managed: managed == [])
    assert await conn.fetchval("SELECT disabled_providers FROM route_policy") == ["stripe"]


async def test_an_invalid_address_family_or_port_is_passed_over(namespace, served, pod):
    """A Service with other ports has slices in which ours is not named."""
    await namespace.pods(pod.internal)
    await namespace.edit("main", api={"service": {"port": "metrics"}})
    await namespace.becomes("FanoutComplete", "False", "NoPods")
    await namespace.edit("main", api={"service": {"port": "internal"}})
    await namespace.becomes("FanoutComplete", "True", "Complete")
