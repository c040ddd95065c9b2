"""Routes are read from the primary only: a pod or an engine at a streaming standby takes none, and says why."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from hingecraft.db.connection import Database
from hingecraft.errors import InRecoveryError
from hingecraft.installation import service as installation
from hingecraft.observability.metrics import SyncMetrics
from hingecraft.outbox.delivery import Deliverer
from hingecraft.routes import service as routes
from hingecraft.settings import DsnSecret, Secret
from hingecraft.sync.engine import Engine
from hingecraft.sync.fanout import Pods
from hingecraft_operator.engine.watcher import EngineWatcher
from hingecraft_operator.status.conditions import verdicts
from hingecraft_operator.status.observed import Observed
from support.engines import running_engine
from support.limits import PROGRESS
from support.pods import PUSH_SECRET, running_pod
from support.standby import primary_and_standby

LINK = "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ('stripe', 'usd', $1)"
SENTENCE = str(InRecoveryError())
REPLAYED = "SELECT coalesce(max(version), 0) FROM payment_routes"


@pytest.fixture(scope="module")
def pair():
    with primary_and_standby() as servers:
        yield servers


@pytest.fixture
async def primary(pair):
    database = Database(pair[0].secret_dsn(), application="test")
    yield database
    await database.close()


async def publish_another(primary, standby) -> int:
    """Publish a version at the primary, and wait until the standby has it."""
    async with primary.connection() as conn:
        await conn.execute(LINK, f"https://buy.example/{asyncio.get_running_loop().time()}")
    version = (await routes.publish(primary)).version
    assert version is not None
    conn = await asyncpg.connect(standby.dsn())
    async with asyncio.timeout(PROGRESS):
        while await conn.fetchval(REPLAYED) < version:
            await asyncio.sleep(0.02)
    await conn.close()
    return version


async def until(condition) -> None:
    async with asyncio.timeout(PROGRESS):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_pod_at_a_standby_is_not_ready_and_says_why(pair, caplog):
    async with running_pod(pair[1].secret_dsn(), wait=False, background=False) as pod:
        await until(lambda: pod.pod.loader.problem is not None)
        status, answer = await pod.call("GET", "/ready")
        assert (status, answer["error"]) == (503, f"No routes are loaded: {SENTENCE}.")
        assert (await pod.call("GET", "/routes"))[0] == 503
        assert pod.pod.cache.version == 0
    assert f"still serving routes version none: {SENTENCE}" in caplog.text


async def test_a_pod_that_is_led_to_a_standby_keeps_what_it_has_and_takes_nothing_from_it(pair, primary, tmp_path):
    """As after a fail-over where a name leads to a server that was not promoted."""
    file = tmp_path / "dsn"
    file.write_text(pair[0].dsn())
    async with running_pod(DsnSecret(path=file), background=False) as pod:
        before = pod.pod.cache.version
        file.write_text(pair[1].dsn())
        await until(lambda: pod.pod.settings.database_url.newest == pair[1].dsn())
        await pod.pod.database.close()
        version = await publish_another(primary, pair[1])
        with pytest.raises(InRecoveryError):
            await pod.pod.loader.refresh()
        with pytest.raises(InRecoveryError):
            await pod.pod.loader.reach(version)
        status, answer = await pod.call("GET", "/routes", headers={"X-Routes-At-Least": str(version)})
        assert (status, answer["code"]) == (503, "not_yet")
        assert (await pod.call("GET", "/ready"))[0] == 200
        assert pod.pod.cache.version == before


async def test_an_engine_at_a_standby_publishes_nothing_and_says_why(pair, primary, caplog):
    version = await publish_another(primary, pair[1])
    async with (
        running_pod(pair[0].secret_dsn(), background=False) as pod,
        running_engine(pair[1].secret_dsn(), [pod.internal]) as engine,
    ):
        await until(lambda: engine.count("failed") > 0)
        await until(lambda: f"was interrupted: {SENTENCE}" in caplog.text)
        assert f"routes could not be rebuilt, retrying: {SENTENCE}" in caplog.text
        assert (engine.count("published"), engine.served) == (0, [])
    assert (await routes.publish(primary)).version == version


async def test_the_condition_says_that_the_dsn_for_listen_leads_to_a_standby(pair):
    """Queries go to the primary; notifications are sent there only, too."""
    observed = Observed(running=True)
    metrics = SyncMetrics(CollectorRegistry(), of=("namespace", "name"))
    database = Database(pair[0].secret_dsn(), application="test")

    async def nowhere():
        return ()

    engine = Engine(
        database=database,
        listen_dsn=pair[1].secret_dsn(),
        pods=Pods(addresses=nowhere, secret=Secret(PUSH_SECRET)),
        endpoints=(),
        deliverer=Deliverer(database, {}),
        watcher=EngineWatcher(metrics, ("default", "main"), observed, lambda: None),
    )
    task = asyncio.create_task(engine.run())
    await until(lambda: verdicts(observed, {}, 0.0)["DatabaseConnected"][:2] == ("False", "InRecovery"))
    assert verdicts(observed, {}, 0.0)["DatabaseConnected"].message == SENTENCE
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await database.close()


async def test_a_resource_whose_database_is_a_standby_claims_nothing(pair):
    """The operator's first query fails, even if the copied claim is its own."""
    database = Database(pair[1].secret_dsn(), application="test")
    with pytest.raises(InRecoveryError):
        await installation.read(database)
    await database.close()


async def test_after_the_standby_is_promoted_pods_and_engines_take_it(pair, primary):
    await publish_another(primary, pair[1])
    dsn = pair[1].secret_dsn()
    async with running_pod(dsn, wait=False, background=False) as pod:
        await until(lambda: pod.pod.loader.problem is not None)
        async with running_engine(dsn, [pod.internal]) as engine:
            await until(lambda: engine.count("failed") > 0)
            conn = await asyncpg.connect(pair[1].dsn())
            assert await conn.fetchval("SELECT pg_promote()")
            await until(lambda: pod.pod.ready)
            await conn.execute(LINK, "https://buy.example/promoted")
            await conn.close()
            # The first version that is published may be one from before the change.
            async with asyncio.timeout(PROGRESS):
                while not (await pod.call("GET", "/routes"))[1]["data"]["routes"]["USD"]["url"].endswith("/promoted"):
                    await asyncio.sleep(0.02)
            await until(lambda: pod.pod.cache.version == engine.served[-1].version)
