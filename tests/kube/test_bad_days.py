"""Whatever dies, hangs or lies between Kubernetes, Postgres, operator and pods: the next healthy one repairs it."""

from __future__ import annotations

import asyncio
import signal
import time

import asyncpg
import pytest

from hingecraft.settings import DsnSecret
from hingecraft_operator.cluster.client import CRON_JOBS, LEASES, PAYMENT_ROUTES
from hingecraft_operator.lease import LEASE_NAME, LeaseTimings
from hingecraft_sandbox.postgres import free_port
from support.alerts import proven
from support.api_proxy import ApiProxy
from support.kube import ACCOUNT, NAMESPACES, NO_RESYNC, ROLE_BINDINGS, OperatorProcess, operating, until
from support.limits import PROGRESS
from support.lock_waits import until_waiting
from support.pods import running_pod
from support.processes import Proxy
from support.standby import primary_and_standby

SWITCH_CHF = "UPDATE currencies SET enabled = NOT enabled WHERE code = 'CHF'"
LEASE_DURATION = LeaseTimings().duration
ISOLATED = (
    "The leading operator cannot reach the API server: it publishes with its last known configuration and writes no "
    "status."
)
OPERATORS_CONNECTIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name IN ('hingecraft-operator', 'hingecraft-listener')
"""
# Of an operator that never gives up a database that does not answer.
PATIENT = dict.fromkeys(
    (
        "hingecraft.db.connection.CONNECT_TIMEOUT",
        "hingecraft.db.pool.ACQUIRE_TIMEOUT",
        "hingecraft_operator.controller.reconciler._TIMEOUT",
    ),
    3600.0,
)
ONLY_ONE_PUBLISHES = "SELECT count(*) = count(DISTINCT version) AND max(version) = count(*) FROM payment_routes"


async def leader(namespace):
    lease = await namespace.cluster.get(LEASES, namespace.name, LEASE_NAME)
    return lease["spec"].get("holderIdentity") if lease else None


@pytest.fixture(scope="module")
def standby():
    with primary_and_standby() as (_, follower):
        yield follower


async def begin(namespace, pod, dsn, **spec):
    await namespace.pods(pod.internal)
    await namespace.database_secret(dsn)
    await namespace.make(namespace.routes(**spec))
    await namespace.becomes("FanoutComplete", "True", "Complete")


@pytest.fixture
async def two(namespace, pod, dsn):
    """Two replicas, of which `first` leads."""
    token = await namespace.token()
    first, second = (
        OperatorProcess(namespace, token, name, OPERATOR_PORT=str(free_port())) for name in ("first", "second")
    )
    await first.start()
    await until(lambda: leader(namespace), lambda name: name == "first")
    await second.start()
    await begin(namespace, pod, dsn.newest)
    yield first, second
    await first.stop()
    await second.stop()


async def test_a_leader_that_is_killed_is_followed_within_the_time_of_its_lease(namespace, two, pod, conn):
    first, _ = two
    await conn.execute(SWITCH_CHF)
    await first.kill()
    await conn.execute(SWITCH_CHF)
    await until(lambda: leader(namespace), lambda name: name == "second")
    await namespace.edit("main", paused=True)
    await namespace.becomes("RoutesBuilt", "True", "Paused")
    await namespace.edit("main", paused=False)
    await conn.execute(SWITCH_CHF)
    number = await until(lambda: conn.fetchval("SELECT max(version) FROM payment_routes"), lambda seen: seen >= 2)
    await pod.serves(number)
    assert await conn.fetchval(ONLY_ONE_PUBLISHES)


async def test_a_leader_that_is_told_to_stop_gives_its_lease_back(namespace, two, pod, conn):
    first, second = two
    second.signal(signal.SIGSTOP)
    first.signal(signal.SIGTERM)
    assert await first.wait() == 0
    assert await leader(namespace) == "", "the other need not wait until it expires"
    second.signal(signal.SIGCONT)
    await until(lambda: leader(namespace), lambda name: name == "second")
    await conn.execute(SWITCH_CHF)
    await pod.serves(2)


async def test_nobody_notices_that_another_leads(namespace, two, pod, conn):
    """The status that the last leader wrote stands until the next one knows better; what it measured is kept."""
    first, _ = two
    await conn.execute(SWITCH_CHF)
    await namespace.shows(version=2, podsSummary="1/1")
    seen = []

    async def looks():
        status = await namespace.status()
        ready = next(each["status"] for each in status["conditions"] if each["type"] == "Ready")
        seen.append((ready, status.get("version"), status.get("podsSummary"), status.get("latency")))
        return await leader(namespace)

    first.signal(signal.SIGTERM)
    async with asyncio.timeout(PROGRESS):
        while await looks() != "second":
            await asyncio.sleep(0.02)
    for _ in range(200):
        await looks()
        await asyncio.sleep(0.02)
    assert len({(ready, version, pods) for ready, version, pods, _ in seen}) == 1, seen
    assert all(latency for *_, latency in seen)


async def test_a_leader_that_is_stopped_for_twenty_seconds_stands_by_when_it_wakes(namespace, two, pod, conn):
    first, _ = two
    stopped = time.monotonic()
    first.signal(signal.SIGSTOP)
    await until(lambda: leader(namespace), lambda name: name == "second")
    await conn.execute(SWITCH_CHF)
    await pod.serves(2)
    await asyncio.sleep(max(0, 20 - (time.monotonic() - stopped)))
    first.signal(signal.SIGCONT)
    await stands_by(first)
    await conn.execute(SWITCH_CHF)
    await pod.serves(3)
    assert first.running
    assert await leader(namespace) == "second"
    assert await conn.fetchval(ONLY_ONE_PUBLISHES), "never two of one number, with any number of publishers"


async def stands_by(replica, times=1):
    sentence = "stopped reconciling, standing by"
    await until(lambda: asyncio.sleep(0, replica.log.read_text().count(sentence)), lambda count: count == times)


@pytest.mark.parametrize(("status", "times", "lost"), [(409, 4, 0), (403, 7, 1)], ids=["conflicts", "refused"])
async def test_a_lease_that_is_not_renewed_for_a_while_ends_no_process(namespace, pod, dsn, conn, status, times, lost):
    """Conflicts that nobody else causes cost nothing; who may not renew stops in time, and leads again later."""
    async with (
        ApiProxy(namespace.plane).running() as proxy,
        operating(namespace, server=proxy.address) as operator,
    ):
        await begin(namespace, pod, dsn.newest)
        proxy.refuse("PUT", LEASE_NAME, status, times)
        await until(lambda: asyncio.sleep(0, proxy.refused), lambda refused: refused == times)
        await stands_by(operator, lost)
        await conn.execute(SWITCH_CHF)
        await namespace.shows(version=2, podsSummary="1/1")
        assert operator.running


async def test_routes_are_published_while_the_api_server_is_away(namespace, two, pod, conn):
    """Pods get each version, although nobody can say who leads; afterwards one leads, and the status is right."""
    await isolated(two[0], "0.0")
    async with proven("HingecraftOperatorIsolated", *two) as alert:
        await publish_without_api_server(namespace, two, pod, conn, alert)
        await namespace.shows(version=4, podsSummary="1/1")
        assert await leader(namespace) in {"first", "second"}
        await isolated(two[0], "0.0")
    await conn.execute(SWITCH_CHF)
    await pod.serves(5)
    assert await conn.fetchval(ONLY_ONE_PUBLISHES)


async def publish_without_api_server(namespace, two, pod, conn, alert):
    namespace.plane.kill_api_server()
    try:
        for version in (2, 3):
            await conn.execute(SWITCH_CHF)
            await pod.serves(version)
            await asyncio.sleep(LEASE_DURATION / 2)
        await conn.execute(SWITCH_CHF)
        await pod.serves(4)
        await isolated(two[0], "1.0")
        await alert.fires(ISOLATED, **alert.target(0))
        assert all(replica.running for replica in two)
    finally:
        namespace.plane.start_api_server()


async def isolated(replica, value):
    line = f"hingecraft_operator_isolated {value}"
    await until(replica.exposition, lambda text: line in text)


@pytest.mark.parametrize("periods", [NO_RESYNC])
async def test_a_resource_whose_rights_go_before_it_does_is_given_up(namespace, served, pod, conn):
    """A namespace's deletion removes Roles and resources in any order: the watch has seen it go.

    A list in between would be forbidden, and end the watch before it sees that.
    """
    uid = (await namespace.read())["metadata"]["uid"]
    assert await conn.fetchval("SELECT claimed_by FROM installation") == uid
    await namespace.cluster.delete(ROLE_BINDINGS, namespace.name, ACCOUNT)
    await namespace.remove("main")
    await until(lambda: conn.fetchval("SELECT claimed_by FROM installation"), lambda seen: seen is None)
    await until(lambda: conn.fetchval(OPERATORS_CONNECTIONS), lambda seen: seen == 0)
    await conn.execute(SWITCH_CHF)
    await asyncio.sleep(1.5)
    assert await conn.fetchval("SELECT max(version) FROM payment_routes") == 1


@pytest.mark.parametrize("periods", [NO_RESYNC])
async def test_a_status_that_somebody_edits_is_put_right(namespace, served):
    path = PAYMENT_ROUTES.path(namespace.name, "main", "status")
    lie = {"status": {"version": 424242, "podsSummary": "0/9"}}
    await namespace.cluster.request("PATCH", path, lie, content="application/merge-patch+json")
    await namespace.shows(version=1, podsSummary="1/1")


async def test_watches_that_fall_silent_cost_seconds(namespace, pod, dsn, conn):
    """Nothing is missing, so that nothing is tried again: only a list can find the edit."""
    await namespace.secret("providers", STRIPE_SECRET="sk_test_abcdefgh", SITE_URL="https://www.example.com")
    reconcile = {"envFrom": [{"secretRef": {"name": "providers"}}]}
    async with (
        ApiProxy(namespace.plane).running() as proxy,
        operating(namespace, server=proxy.address, periods=NO_RESYNC),
    ):
        await begin(namespace, pod, dsn.newest, reconcile=reconcile)
        await namespace.becomes("ReconcileHealthy", "Unknown", "NoRunYet")
        proxy.silence_watches()
        await namespace.edit("main", paused=True)
        await namespace.becomes("RoutesBuilt", "True", "Paused")


async def test_conflicts_and_too_many_requests_are_waited_out(namespace, pod, dsn, conn):
    async with ApiProxy(namespace.plane).running() as proxy:
        proxy.refuse("PATCH", "/status$", 409, 3)
        proxy.refuse("PATCH", "/cronjobs/", 429, 2, **{"Retry-After": "1"})
        proxy.refuse("GET", "/secrets/", 429, 2, **{"Retry-After": "1"})
        proxy.refuse("PUT", "/leases/", 500, 2)
        async with operating(namespace, server=proxy.address) as operator:
            await begin(namespace, pod, dsn.newest)
            await until(lambda: namespace.cluster.get(CRON_JOBS, namespace.name, "main-reconcile"), bool)
            await conn.execute(SWITCH_CHF)
            await namespace.shows(version=2, podsSummary="1/1")
            assert proxy.refused == 9
            assert operator.running


async def test_a_resource_is_deleted_and_made_again_while_it_is_rebuilt(namespace, served, pod, conn, dsn):
    """The test's transaction delays the publishers, so that a rebuild is in progress when the resource is deleted."""
    holder = await asyncpg.connect(dsn.newest)
    await holder.execute("BEGIN; SELECT pg_advisory_xact_lock(hashtext('hingecraft.routes'))")
    await conn.execute(SWITCH_CHF)
    await until_waiting(conn)
    await namespace.remove("main")
    made = await namespace.make(namespace.routes(paused=False))
    await asyncio.sleep(0.5)
    await holder.execute("COMMIT")
    await holder.close()
    await namespace.becomes("FanoutComplete", "True", "Complete")
    await pod.serves(2)
    uid = made["metadata"]["uid"]
    await until(lambda: conn.fetchval("SELECT claimed_by FROM installation"), lambda seen: seen == uid)
    assert await conn.fetchval("SELECT managed FROM route_policy") == ["paused"]


async def test_the_database_is_away_at_the_start(namespace, pod, dsn):
    name = dsn.newest.rpartition("/")[2]
    admin = await asyncpg.connect(dsn.newest.replace(f"/{name}", "/postgres"))
    await namespace.pods(pod.internal)
    await namespace.database_secret(dsn.newest)
    await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    async with operating(namespace):
        await namespace.make(namespace.routes())
        await namespace.becomes("Ready", "False", "Unreachable")
        await admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        await namespace.becomes("FanoutComplete", "True", "Complete")
    await admin.close()


async def test_the_database_goes_away_in_the_middle_and_comes_back(namespace, dsn, pod, conn):
    address = dsn.newest.rpartition("@")[2].partition("/")[0]
    async with Proxy(int(address.rpartition(":")[2])).running() as proxy, operating(namespace):
        await begin(namespace, pod, dsn.newest.replace(address, f"127.0.0.1:{proxy.port}"))
        proxy.swallow()
        await namespace.becomes("DatabaseConnected", "False", "Unreachable")
        await conn.execute(SWITCH_CHF)
        proxy.heal()
        await namespace.shows(version=2, podsSummary="1/1")
        await namespace.becomes("DatabaseConnected", "True", "Listening")


async def test_a_secret_that_leads_to_a_standby_is_named_in_the_condition(namespace, pod, standby):
    """Nothing is claimed and nothing is read there."""
    await namespace.pods(pod.internal)
    await namespace.database_secret(standby.dsn())
    async with operating(namespace):
        await namespace.make(namespace.routes())
        await namespace.becomes("DatabaseConnected", "False", "InRecovery")
        await namespace.becomes("Ready", "False", "InRecovery")


async def test_one_broken_resource_slows_no_other(namespace, pod, dsn, conn):
    """Its database accepts connections and never answers, and the operator waits for it for longer than the test."""
    asked = []

    async def never_answer(reader, writer):
        asked.append(writer)
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    async with silent, operating(namespace, periods=PATIENT):
        await begin(namespace, pod, dsn.newest)
        port = silent.sockets[0].getsockname()[1]
        await namespace.database_secret(f"postgresql://nobody@127.0.0.1:{port}/none", name="broken")
        for number in range(10):
            await namespace.make(namespace.routes(f"broken-{number}", secret="broken"))
        await until(lambda: asyncio.sleep(0, len(asked)), lambda count: count >= 10)
        for version in range(2, 7):
            await conn.execute(SWITCH_CHF)
            await pod.serves(version)


async def test_a_hundred_resources_at_once(namespace, served, pod, dsn, conn):
    """Each is looked at; all but the first are told that the database is somebody else's."""
    names = [f"many-{number:03}" for number in range(100)]
    await asyncio.gather(*(namespace.make(namespace.routes(name)) for name in names))

    async def told():
        found = await namespace.cluster.list(PAYMENT_ROUTES, namespace.name)
        return sum(
            condition["reason"] == "DatabaseClaimed"
            for each in found
            for condition in (each.get("status") or {}).get("conditions", ())
            if condition["type"] == "Ready"
        )

    await until(told, lambda count: count == 100, within=120)
    await conn.execute(SWITCH_CHF)
    await pod.serves(2)


async def test_a_namespace_goes_with_everything_in_it(namespace, served):
    """With the operator at work: nothing of its making stands in the way."""
    await until(lambda: namespace.cluster.get(CRON_JOBS, namespace.name, "main-reconcile"), bool)
    await namespace.cluster.delete(NAMESPACES, "", namespace.name)
    await until(lambda: namespace.cluster.get(NAMESPACES, "", namespace.name), lambda found: found is None)


async def test_a_namespace_goes_while_no_operator_runs(namespace, pod, dsn):
    async with operating(namespace):
        await begin(namespace, pod, dsn.newest)
    await namespace.cluster.delete(NAMESPACES, "", namespace.name)
    await until(lambda: namespace.cluster.get(NAMESPACES, "", namespace.name), lambda found: found is None)


async def test_a_database_whose_resource_went_while_nobody_looked_is_had_again(namespace, pod, dsn, conn):
    async with operating(namespace):
        await begin(namespace, pod, dsn.newest)
    await namespace.remove("main")
    async with operating(namespace):
        await namespace.make(namespace.routes("second"))
        await namespace.becomes("FanoutComplete", "True", "Complete", name="second")
        assert await conn.fetchval("SELECT claimed_as FROM installation") == f"{namespace.name}/second"


async def test_a_replica_that_waits_is_alive_and_a_rotated_password_is_taken_up(namespace, pod, dsn, conn):
    """The role's password is another one: connections that are open go on, new ones need the new Secret."""
    await conn.execute("CREATE ROLE rotated LOGIN SUPERUSER")
    name = dsn.newest.rpartition("@")[2]
    try:
        async with operating(namespace), running_pod(DsnSecret(dsn.newest)):
            await begin(namespace, pod, dsn.newest)
            await namespace.database_secret(f"postgresql://rotated@{name}")
            await namespace.edit("main", sync={"resync": "5s"})
            query = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'rotated' AND datname = current_database()"
            await until(lambda: conn.fetchval(query), bool)
            await conn.execute(SWITCH_CHF)
            await namespace.shows(version=2)
    finally:
        await conn.execute("DROP ROLE rotated")
