"""Random faults and edits around one operator with many resources: twenty seconds here, two hours in `nightly`."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any

import asyncpg
import psutil
import pytest

from hingecraft.settings import Secret
from hingecraft_operator.cluster.client import CRON_JOBS, PAYMENT_ROUTES, SECRETS, ClusterRejectedError
from support.api_proxy import ApiProxy
from support.kube import PROVIDERS, operating, until
from support.pods import Running, running_pod
from support.receiver import SECRET

SECONDS = float(os.environ.get("HC_PERTURB_SECONDS", "20"))
RESOURCES = 20 if SECONDS > 60 else 4
GROWS_AT_MOST = 20 * 2**20
SWITCH_CHF = "UPDATE currencies SET enabled = NOT enabled WHERE code = 'CHF'"
BY_HAND = {"content": "application/merge-patch+json", "query": {"fieldManager": "kubectl-edit"}}


class Resource:
    """One of many, with a database and a pod of its own."""

    def __init__(self, namespace, number: int, pod: Running, conn: asyncpg.Connection) -> None:
        self.name = f"many-{number}"
        self.schedule = "*/15 * * * *"
        self._namespace = namespace
        self._pod = pod
        self._conn = conn

    async def commit(self) -> None:
        await self._conn.execute(SWITCH_CHF)

    async def edit(self) -> None:
        self.schedule = f"{random.randrange(60)} * * * *"
        await self._namespace.edit(self.name, reconcile={"schedule": self.schedule})

    async def edit_cron_job(self) -> None:
        path = CRON_JOBS.path(self._namespace.name, f"{self.name}-reconcile")
        await self._namespace.cluster.request("PATCH", path, {"spec": {"suspend": True}}, **BY_HAND)

    async def delete_cron_job(self) -> None:
        await self._namespace.cluster.delete(CRON_JOBS, self._namespace.name, f"{self.name}-reconcile")

    async def edit_status(self) -> None:
        path = PAYMENT_ROUTES.path(self._namespace.name, self.name, "status")
        lie = {"status": {"version": 424242, "podsSummary": "0/9"}}
        await self._namespace.cluster.request("PATCH", path, lie, **BY_HAND)

    async def lose_pods(self) -> None:
        await self._namespace.pods(service=self.name)

    async def lose_hook(self) -> None:
        await self._namespace.cluster.delete(SECRETS, self._namespace.name, "hooks")

    async def heal(self) -> None:
        await self._namespace.pods(self._pod.internal, service=self.name)
        await self._namespace.secret("hooks", WEBHOOK_SECRET=SECRET)

    async def seen(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """The actual state, and the state that the operator has to bring about."""
        found = await self._namespace.read(self.name)
        status = found.get("status") or {}
        job = await self._namespace.cluster.get(CRON_JOBS, self._namespace.name, f"{self.name}-reconcile")
        version = await self._conn.fetchval("SELECT max(version) FROM payment_routes")
        there = {
            "generation": status.get("observedGeneration"), "version": status.get("version"),
            "pods": status.get("podsSummary"), "served": self._pod.pod.cache.version,
            "conditions": {each["type"]: each["reason"] for each in status.get("conditions", ())},
            "job": (job["spec"]["schedule"], job["spec"]["suspend"]) if job else None,
        }  # fmt: skip
        wanted = {
            "generation": found["metadata"]["generation"], "version": version, "pods": "1/1", "served": version,
            "conditions": {
                "Ready": "Serving", "DatabaseConnected": "Listening", "RoutesBuilt": "Published",
                "FanoutComplete": "Complete", "WebhooksDelivered": "Delivered", "ReconcileHealthy": "NoRunYet",
            },
            "job": (self.schedule, False),
        }  # fmt: skip
        return there, wanted

    async def becomes_right(self) -> None:
        await until(self.seen, lambda pair: pair[0] == pair[1], within=120)


async def made(stack: AsyncExitStack, namespace, dsn: Secret, number: int) -> Resource:
    pod = await stack.enter_async_context(running_pod(dsn))
    conn = await asyncpg.connect(dsn.newest)
    stack.push_async_callback(conn.close)
    resource = Resource(namespace, number, pod, conn)
    await namespace.pods(pod.internal, service=resource.name)
    await namespace.database_secret(dsn.newest, name=resource.name)
    document = namespace.routes(resource.name, secret=resource.name)
    document["spec"]["api"]["service"]["name"] = resource.name
    document["spec"]["reconcile"] = {"envFrom": [{"secretRef": {"name": "providers"}}]}
    document["spec"]["webhooks"] = [{
        "name": "site", "url": "https://127.0.0.1:9/x", "events": ["payment.failed"],
        "secretRef": {"name": "hooks", "key": "WEBHOOK_SECRET"},
    }]  # fmt: skip
    await namespace.make(document)
    return resource


def faults(proxy: ApiProxy) -> list[Callable[[], Awaitable[None]]]:
    """Short faults between the operator and the API server."""

    async def refuse() -> None:
        method = random.choice(["GET", "PATCH", "PUT", "POST"])
        proxy.refuse(method, "", random.choice([403, 409, 429, 500, 503]), random.randrange(1, 20))

    async def hang() -> None:
        proxy.hang(random.choice(["GET", "PATCH"]), "", random.choice(["before", "after"]))

    async def stale() -> None:
        proxy.be_stale("GET", "")

    async def silence() -> None:
        proxy.silence_watches()
        await asyncio.sleep(random.uniform(0, 5))
        proxy.let_watches_talk()

    return [refuse, hang, stale, silence]


async def perturb(resources: list[Resource], proxy: ApiProxy, *, until_when: float, at_least: float = 0) -> None:
    count = 0
    while time.monotonic() < until_when or count < at_least:
        one = random.choice(resources)
        act = random.choice([
            one.commit, one.edit, one.edit_cron_job, one.delete_cron_job, one.edit_status, one.lose_pods,
            one.lose_hook, one.heal, *faults(proxy),
        ])  # fmt: skip
        # What is edited may just have been deleted.
        with suppress(ClusterRejectedError):
            await act()
        count += 1
        await asyncio.sleep(random.uniform(0, 0.5))


@pytest.mark.timeout(SECONDS * 1.5 + 600)
async def test_random_faults_leave_every_status_right(namespace, new_dsn):
    random.seed(int(os.environ.get("HC_PERTURB_SEED", "1")))
    await namespace.secret("providers", **PROVIDERS)
    await namespace.secret("hooks", WEBHOOK_SECRET=SECRET)
    async with ApiProxy(namespace.plane).running() as proxy, AsyncExitStack() as stack:
        operator = await stack.enter_async_context(operating(namespace, server=proxy.address))
        # Shown where the test fails.
        stack.callback(lambda: print(operator.log.read_text()[-5000:]))
        resources = [await made(stack, namespace, await new_dsn(), number) for number in range(RESOURCES)]
        for each in resources:
            await each.becomes_right()
        process = psutil.Process(operator.pid)
        began = time.monotonic()
        await perturb(resources, proxy, until_when=began + SECONDS / 4)
        before = process.memory_info().rss
        await perturb(resources, proxy, until_when=began + SECONDS, at_least=SECONDS)
        proxy.allow()
        proxy.let_watches_talk()
        for each in resources:
            await each.heal()
        for each in resources:
            await each.becomes_right()
        assert operator.running
        assert process.memory_info().rss - before < GROWS_AT_MOST
