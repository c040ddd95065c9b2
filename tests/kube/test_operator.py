"""From a commit to every pod through the operator, with the rights of its manifests alone."""

from __future__ import annotations

from support.kube import operating
from support.pods import running_pod


async def test_a_resource_is_served(namespace, dsn, conn):
    async with running_pod(dsn) as first, running_pod(dsn) as second, operating(namespace):
        await namespace.pods(first.internal, second.internal)
        await namespace.database_secret(dsn.newest)
        await namespace.make(namespace.routes())
        await namespace.becomes("Ready", "True", "ReconcileDegraded")
        await conn.execute("UPDATE currencies SET enabled = false WHERE code = 'CHF'")
        status = await namespace.shows(version=2, podsSummary="2/2")
        print(status)
        assert "CHF" not in (await first.call("GET", "/routes"))[1]["data"]["routes"]
        print(await namespace.events())
