"""Each cell of docs/operator-matrix.md: whatever goes wrong at whichever call, the operator comes to the same end."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from hingecraft_operator.cluster.client import CRON_JOBS, TIMEOUT
from hingecraft_operator.context import Context
from hingecraft_operator.controller.controller import Controller
from hingecraft_operator.metrics import OperatorMetrics
from hingecraft_operator.settings import OperatorSettings
from support.api_proxy import ApiProxy
from support.kube import IMAGE, PROVIDERS, admin_of, until
from support.limits import PROGRESS
from support.operator_matrix import CALLS, Trouble
from support.operator_process import url_of
from support.pauses import Pauses
from support.pods import running_pod
from support.receiver import SECRET

SWITCH_CHF = "UPDATE currencies SET enabled = NOT enabled WHERE code = 'CHF'"
_STATUSES = {Trouble.CONFLICT: 409, Trouble.FORBIDDEN: 403, Trouble.SERVER_ERROR: 500}
IN_A_ROW = 5


class Operator:
    """The part of it that leads, in this process, so that it can end at a call."""

    def __init__(self, namespace, proxy: ApiProxy) -> None:
        self._namespace = namespace
        self._proxy = proxy
        self._running: asyncio.Task[None] | None = None
        self._cluster: Any = None

    async def start(self) -> None:
        self._cluster = await admin_of(self._namespace.plane, TIMEOUT)
        self._cluster.configuration.host = self._proxy.address
        settings = OperatorSettings(
            watch_namespaces=self._namespace.name, operator_namespace=self._namespace.name, reconcile_image=IMAGE,
            allow_private_webhooks=True,
        )  # fmt: skip
        metrics = OperatorMetrics(CollectorRegistry())
        context = Context(cluster=self._cluster, settings=settings, metrics=metrics, url_of=url_of)
        self._running = asyncio.create_task(Controller(context).run())

    async def end(self) -> None:
        assert self._running is not None
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        await self._cluster.close()


class Change:
    """One change of everything at once, and what the operator has to make of it."""

    def __init__(self, namespace, pods, conn, number: int) -> None:
        self._namespace = namespace
        self._pods = pods
        self._conn = conn
        self.schedule = f"{number % 60} {number // 60} * * *"
        self.pods = pods if number % 2 else pods[:1]

    async def make(self) -> None:
        webhooks = [{
            "name": "site", "url": "https://127.0.0.1:9/x", "events": ["payment.failed"],
            "secretRef": {"name": "hooks", "key": "WEBHOOK_SECRET"},
        }]  # fmt: skip
        reconcile = {"schedule": self.schedule, "envFrom": [{"secretRef": {"name": "providers"}}]}
        await self._namespace.pods(*(pod.internal for pod in self.pods))
        await self._conn.execute(SWITCH_CHF)
        self.generation = (await self._namespace.edit("main", reconcile=reconcile, webhooks=webhooks))["metadata"][
            "generation"
        ]

    async def seen(self) -> dict[str, Any]:
        """Everything that a cell compares."""
        status = await self._namespace.status()
        job = await self._namespace.cluster.get(CRON_JOBS, self._namespace.name, "main-reconcile")
        conditions = {each["type"]: (each["status"], each["reason"]) for each in status.get("conditions", ())}
        generations = {each.get("observedGeneration") for each in status.get("conditions", ())}
        return {
            "generation": status.get("observedGeneration"), "generations": generations,
            "version": status.get("version"), "pods": status.get("podsSummary"), "conditions": conditions,
            "webhooks": [each["name"] for each in status.get("webhooks", ())],
            "schedule": job["spec"]["schedule"] if job else None,
        }  # fmt: skip

    async def wanted(self) -> dict[str, Any]:
        count = len(self.pods)
        return {
            "generation": self.generation, "generations": {self.generation},
            "version": await self._conn.fetchval("SELECT max(version) FROM payment_routes"),
            "pods": f"{count}/{count}", "webhooks": ["site"], "schedule": self.schedule,
            "conditions": {
                "Ready": ("True", "Serving"), "DatabaseConnected": ("True", "Listening"),
                "RoutesBuilt": ("True", "Published"), "FanoutComplete": ("True", "Complete"),
                "WebhooksDelivered": ("True", "Delivered"), "ReconcileHealthy": ("Unknown", "NoRunYet"),
            },
        }  # fmt: skip

    async def arrives(self) -> None:
        found: dict[str, Any] = {}
        pauses = Pauses()
        try:
            async with asyncio.timeout(2 * PROGRESS):
                while found != (wanted := await self.wanted()):
                    await pauses.next()
                    found = await self.seen()
        except TimeoutError:
            assert found == wanted


@asynccontextmanager
async def troubled(operator: Operator, proxy: ApiProxy, call, trouble):
    """While a change is made inside, the call goes wrong; afterwards nothing does."""
    if trouble is Trouble.LOST_EVENT:
        proxy.silence_watches()
        yield
        return
    if trouble in _STATUSES:
        fault = proxy.refuse(call.method, call.path, _STATUSES[trouble], IN_A_ROW)
    elif trouble is Trouble.STALE:
        fault = proxy.be_stale(call.method, call.path)
    else:
        fault = proxy.hang(call.method, call.path, "after" if trouble is Trouble.CRASH_AFTER else "before")
    yield
    async with asyncio.timeout(PROGRESS):
        await fault.reached.wait()
    if trouble in {Trouble.CRASH_BEFORE, Trouble.CRASH_AFTER}:
        await until(lambda: asyncio.sleep(0, fault.left), lambda left: left == 0)
        await operator.end()
        proxy.allow()
        await operator.start()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name.replace(" ", "-"))
async def test_each_trouble_at_a_call_ends_well(namespace, dsn, conn, call):
    """The cells of one row share what is expensive to start."""
    async with running_pod(dsn) as first, running_pod(dsn) as second, ApiProxy(namespace.plane).running() as proxy:
        await namespace.pods(first.internal)
        await namespace.database_secret(dsn.newest)
        await namespace.secret("providers", **PROVIDERS)
        await namespace.secret("hooks", WEBHOOK_SECRET=SECRET)
        operator = Operator(namespace, proxy)
        await operator.start()
        try:
            await namespace.make(namespace.routes())
            for number, trouble in enumerate((None, *call.troubles)):
                change = Change(namespace, (first, second), conn, number)
                if trouble is None:
                    await change.make()
                else:
                    async with troubled(operator, proxy, call, trouble):
                        await change.make()
                await change.arrives()
                proxy.allow()
                proxy.let_watches_talk()
        finally:
            proxy.let_watches_talk()
            await operator.end()
