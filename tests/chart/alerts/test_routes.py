"""The alert about a pod that serves older routes than others."""

from __future__ import annotations

from hingecraft.routes import service as routes
from hingecraft.settings import DsnSecret
from hingecraft_api.routes import loader
from support.alerts import proven
from support.pods import running_pod
from support.processes import Proxy

CLOSE_CHF = "UPDATE currencies SET enabled = false WHERE code = 'CHF'"


async def test_a_pod_that_has_lost_postgres_is_behind(dsn, conn, database, monkeypatch):
    monkeypatch.setattr(loader, "_POLL_SHORTEST", 0.1)
    monkeypatch.setattr(loader, "_POLL_LONGEST", 0.2)
    address = dsn.newest.rpartition("@")[2].partition("/")[0]
    async with Proxy(int(address.rpartition(":")[2])).running() as proxy:
        cut_off = DsnSecret(dsn.newest.replace(address, f"127.0.0.1:{proxy.port}"))
        async with (
            running_pod(dsn) as pod,
            running_pod(cut_off) as behind,
            proven("HingecraftPodBehind", pod, behind) as alert,
        ):
            proxy.swallow()
            await conn.execute(CLOSE_CHF)
            await routes.publish(database)
            await pod.serves(2)
            await alert.fires(
                f"The pod {alert.target(1)['pod']} serves older routes than others, or has not reached Postgres for "
                "half a minute.",
                **alert.target(1),
            )
            proxy.heal()
            await behind.serves(2)
