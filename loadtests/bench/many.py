"""Many resources for one operator, each with a database and a pod of its own."""

from __future__ import annotations

from contextlib import AsyncExitStack

import asyncpg

from hingecraft.settings import DsnSecret
from hingecraft_sandbox.postgres import Postgres
from support.kube import PROVIDERS, Namespace
from support.pods import PUSH_SECRET, Running, running_pod

NEWEST = "SELECT max(version) FROM payment_routes"
SWITCH = "UPDATE currencies SET enabled = NOT enabled WHERE code = 'CHF'"


async def databases(server: Postgres, number: int) -> list[str]:
    """So many copies of the server's own database."""
    names = [f"many_{each:03}" for each in range(number)]
    admin = await asyncpg.connect(server.dsn("template1"))
    for name in names:
        await admin.execute(f"CREATE DATABASE {name} TEMPLATE postgres STRATEGY file_copy")
    await admin.close()
    return names


async def resource(stack: AsyncExitStack, server: Postgres, namespace: Namespace, name: str) -> Running:
    """A resource for that database, and its pod."""
    dsn = server.dsn(name)
    connection = await asyncpg.connect(dsn)
    await connection.execute("UPDATE installation SET id = gen_random_uuid(), claimed_by = NULL")
    await connection.close()
    pod = await stack.enter_async_context(
        running_pod(DsnSecret(dsn), background=False, database_pool_min=0, database_pool_max=1)
    )
    kube = resource_of(name)
    await namespace.pods(pod.internal, service=kube)
    await namespace.secret(kube, DATABASE_URL=dsn, PUSH_SECRET=PUSH_SECRET, **PROVIDERS)
    document = namespace.routes(kube, secret=kube)
    document["spec"]["api"]["service"]["name"] = kube
    document["spec"]["reconcile"] = {"envFrom": [{"secretRef": {"name": kube}}]}
    await namespace.make(document)
    return pod


def resource_of(database: str) -> str:
    """The name of its resource, Service and Secret."""
    return database.replace("_", "-")
