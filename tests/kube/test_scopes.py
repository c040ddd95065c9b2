"""Many namespaces, one of which the operator may not look into: what is wrong there concerns no other."""

from __future__ import annotations

import asyncio
from itertools import cycle

import pytest
from prometheus_client import CollectorRegistry

from hingecraft_operator.cluster.client import PAYMENT_ROUTES
from hingecraft_operator.context import Context
from hingecraft_operator.controller import controller as controllers
from hingecraft_operator.controller import reconciler as reconcilers
from hingecraft_operator.controller.controller import Controller
from hingecraft_operator.metrics import OperatorMetrics
from hingecraft_operator.settings import OperatorSettings
from hingecraft_sandbox.postgres import free_port
from support.api_proxy import ApiProxy
from support.kube import NO_RESYNC, admin_of, ask, namespace_of, operating, until
from support.limits import PROGRESS
from support.operator_process import url_of
from support.pods import running_pod

SWITCH_CHF = "UPDATE currencies SET enabled = NOT enabled WHERE code = 'CHF'"
LISTENER = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'hingecraft-listener'
"""


async def restarts(port):
    _, text = await ask(port, "/metrics")
    return float(text.partition("\nhingecraft_operator_watch_restarts_total ")[2].partition("\n")[0] or 0)


@pytest.fixture
async def other(plane, namespace):
    """A second namespace of the same operator."""
    async with namespace_of(plane) as made:
        await made.allow_also(namespace)
        yield made


async def test_a_namespace_without_rights_harms_no_other(namespace, other, pod, dsn, conn):
    port = free_port()
    watched = f"{namespace.name},{other.name}"
    async with operating(namespace, periods=NO_RESYNC, WATCH_NAMESPACES=watched, OPERATOR_PORT=str(port)):
        await namespace.pods(pod.internal)
        await namespace.database_secret(dsn.newest)
        await namespace.make(namespace.routes())
        await namespace.becomes("FanoutComplete", "True", "Complete")
        listener = await conn.fetchval(LISTENER)
        await other.forbid()
        # Watches that are open are let run; new ones are refused.
        other.plane.kill_api_server()
        other.plane.start_api_server()
        await until(lambda: restarts(port), lambda count: count > 0)
        await asyncio.sleep(3)
        assert await conn.fetchval(LISTENER) == listener, "what serves another namespace is not touched"
        await an_edit_is_found_by_the_watch(namespace)
        assert (await ask(port, "/healthz"))[0] == 200


async def an_edit_is_found_by_the_watch(namespace):
    """And not only by the next list; one that was made meanwhile may have found it too."""

    def lists():
        asked = [event for event in namespace.audited() if event["verb"] == "list"]
        return sum(
            event["objectRef"]["resource"] == "paymentroutes" and event["objectRef"].get("namespace") == namespace.name
            for event in asked
        )

    async with asyncio.timeout(PROGRESS):
        for paused, reason in cycle([(True, "Paused"), (False, "Published")]):
            before = lists()
            await namespace.edit("main", paused=paused)
            await namespace.becomes("RoutesBuilt", "True", reason)
            if lists() == before:
                return


async def test_a_namespace_that_gets_its_rights_late_is_served_then(namespace, other, plane, dsn):
    await other.forbid()
    async with running_pod(dsn) as pod, operating(namespace, WATCH_NAMESPACES=f"{namespace.name},{other.name}"):
        await other.pods(pod.internal)
        await other.database_secret(dsn.newest)
        await other.make(other.routes())
        await asyncio.sleep(1)
        await other.allow_also(namespace)
        await other.becomes("FanoutComplete", "True", "Complete")


@pytest.fixture
async def context(namespace):
    """The context of a controller in this process, with all rights."""
    cluster = await admin_of(namespace.plane)
    settings = OperatorSettings(watch_namespaces=namespace.name, operator_namespace=namespace.name)
    metrics = OperatorMetrics(CollectorRegistry())
    yield Context(cluster=cluster, settings=settings, metrics=metrics, url_of=url_of)
    await cluster.close()


async def serve(namespace, pod, dsn):
    await namespace.pods(pod.internal)
    await namespace.database_secret(dsn.newest)
    await namespace.make(namespace.routes())
    await namespace.becomes("FanoutComplete", "True", "Complete")


async def test_an_engine_stops_when_its_resource_could_not_be_read_for_long(
    namespace, context, pod, dsn, conn, monkeypatch
):
    monkeypatch.setattr(reconcilers, "FORBIDDEN_FOR", 2.0)
    async with ApiProxy(namespace.plane).running() as proxy:
        controller = Controller(context)
        running = asyncio.create_task(controller.run())
        try:
            await serve(namespace, pod, dsn)
            assert await conn.fetchval(LISTENER)
            context.cluster.configuration.host = proxy.address
            proxy.refuse("GET", "/paymentroutes/main$", 403, 1000)
            await namespace.edit("main", sync={"resync": "20s"})
            await until(lambda: conn.fetchval(LISTENER), lambda pid: pid is None)
            assert await conn.fetchval("SELECT claimed_by IS NOT NULL FROM installation"), "the claim stays"
            proxy.allow()
            await namespace.edit("main", sync={"resync": "21s"})
            await until(lambda: conn.fetchval(LISTENER), bool)
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_a_watch_that_reports_nothing_is_begun_again(namespace, context, pod, dsn, monkeypatch):
    """A list finds what the watch should have told."""
    monkeypatch.setattr(controllers, "_LIST_EVERY", 2.0)
    monkeypatch.setattr(controllers, "_WATCH_REPORTS_WITHIN", 1.0)
    async with ApiProxy(namespace.plane).running() as proxy:
        context.cluster.configuration.host = proxy.address
        controller = Controller(context)
        running = asyncio.create_task(controller.run())
        try:
            await serve(namespace, pod, dsn)
            await asyncio.sleep(1)
            before = context.metrics.watch_restarts._value.get()
            proxy.silence_watches()
            await namespace.edit("main", paused=True)
            await until(
                lambda: asyncio.sleep(0, context.metrics.watch_restarts._value.get()), lambda seen: seen > before
            )
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_everything_that_works_is_part_of_the_liveness(namespace, context, pod, dsn, monkeypatch):
    monkeypatch.setattr(controllers, "_LIST_EVERY", 1.0)
    monkeypatch.setattr(reconcilers, "_RESYNC", 1.0)
    controller = Controller(context)
    running = asyncio.create_task(controller.run())
    try:
        await serve(namespace, pod, dsn)
        name = namespace.name
        assert set(controller.progress) == {
            f"the list of {name}", f"the watch of {name}",
            f"the reconciler of {name}/main", f"the engine of {name}/main",
        }  # fmt: skip
        before = dict(controller.progress)
        await until(
            lambda: asyncio.sleep(0, controller.progress),
            lambda now: all(now[part] > before[part] for part in before),
        )
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_scope_that_cannot_be_listed_is_asked_less_and_less_often(namespace, context, monkeypatch, caplog):
    async with ApiProxy(namespace.plane).running() as proxy:
        context.cluster.configuration.host = proxy.address
        proxy.refuse("GET", "/paymentroutes$", 403, 1000)
        running = asyncio.create_task(Controller(context).run())
        await asyncio.sleep(8)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert proxy.refused <= 10
    said = [record for record in caplog.records if "cannot be" in record.getMessage()]
    assert len(said) <= 2, "each trouble once"


async def test_an_object_that_can_have_no_status_is_reported_by_an_event(namespace, context, dsn):
    """As one that was stored behind a definition without types: server-side apply refuses to read it."""
    async with ApiProxy(namespace.plane).running() as proxy:
        context.cluster.configuration.host = proxy.address
        proxy.refuse("PATCH", "/paymentroutes/main/status$", 422, 1000)
        running = asyncio.create_task(Controller(context).run())
        try:
            await namespace.make(namespace.routes(secret="not-there"))
            events = await until(namespace.events, lambda seen: "StatusRefused" in dict(seen))
            assert "the Secret not-there does not exist" in dict(events)["StatusRefused"]
            await asyncio.sleep(4)
            assert proxy.refused <= 4, "an unwritable status is tried less and less often"
            assert [reason for reason, _ in await namespace.events()].count("StatusRefused") == 1
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
    await namespace.cluster.delete(PAYMENT_ROUTES, namespace.name, "main")
