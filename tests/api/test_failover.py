"""A database that can only be read for a while, as after a failover."""

from __future__ import annotations

import asyncpg

from support.pods import running_pod


async def test_a_read_only_database_is_503_and_its_connections_are_not_kept(dsn):
    name = dsn.newest.rpartition("/")[2]
    conn = await asyncpg.connect(dsn.newest)
    await conn.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    async with running_pod(dsn, database_pool_max=3) as pod:
        status, answer = await pod.call("POST", "/mission-support/other", json={"amount": 5})
        assert (status, answer["code"]) == (503, "database_unavailable")
        async with pod.client.get(pod.public + "/routes") as response:
            assert response.status == 200
        await conn.execute("BEGIN READ WRITE")
        await conn.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only; COMMIT")
        found = [(await pod.call("POST", "/mission-support/other", json={"amount": 5}))[0] for _ in range(4)]
        assert found[-1] == 200, "each refused write drops one of three connections"
        assert set(found) <= {200, 503}
    await conn.close()
