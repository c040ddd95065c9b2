"""Real processes, real Postgres, real faults, and commits during each of them."""

from __future__ import annotations

import asyncio
import signal

import aiohttp
import asyncpg

from support.limits import PROGRESS
from support.pod_watch import Watch
from support.processes import ApiProcess
from support.product import Product

# How many there were: an engine that has just started, or lost its connection, has none yet.
END_LISTENER = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'hingecraft-listener'
"""


async def test_the_listeners_backend_is_terminated(product):
    async with product.watch.during():
        connection = await asyncpg.connect(product.postgres.dsn())
        for _ in range(3):
            async with asyncio.timeout(PROGRESS):
                while not await connection.fetchval(END_LISTENER):
                    await asyncio.sleep(0.05)
            await asyncio.sleep(1.5)
        await connection.close()


async def test_every_backend_is_terminated(product):
    async with product.watch.during():
        connection = await asyncpg.connect(product.postgres.dsn())
        for _ in range(3):
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'hingecraft-%'"
            )
            await asyncio.sleep(1)
        await connection.close()


async def test_the_network_to_postgres_swallows_packets(product):
    async with product.watch.during():
        await asyncio.sleep(1)
        product.proxy.swallow()
        await asyncio.sleep(12)
        await product.watch.answer()
        product.proxy.heal()


async def test_postgres_is_away_for_fifteen_seconds(product):
    async with product.watch.during():
        await asyncio.sleep(1)
        await asyncio.to_thread(product.postgres.stop)
        await asyncio.sleep(15)
        await product.watch.answer()
        await asyncio.to_thread(product.postgres.start)


async def test_postgres_crashes_and_restarts(product):
    async with product.watch.during():
        await asyncio.sleep(0.5)
        await asyncio.to_thread(product.postgres.stop, immediately=True)
        await asyncio.to_thread(product.postgres.start)


async def test_sync_is_killed_and_comes_back(product):
    async with product.watch.during():
        await asyncio.sleep(0.55)
        await product.syncs[0].kill()
        await asyncio.sleep(2)
        await product.new_sync().start()


async def test_sync_is_stopped_for_ten_seconds(product):
    async with product.watch.during():
        await asyncio.sleep(0.55)
        product.syncs[0].signal(signal.SIGSTOP)
        await asyncio.sleep(10)
        product.syncs[0].signal(signal.SIGCONT)


async def test_of_two_syncs_one_is_stopped_and_one_is_killed(product):
    second = product.new_sync()
    await second.start()
    async with product.watch.during():
        await asyncio.sleep(1)
        product.syncs[0].signal(signal.SIGSTOP)
        await asyncio.sleep(3)
        product.syncs[0].signal(signal.SIGCONT)
        await second.kill()
        await asyncio.sleep(1)
    connection = await asyncpg.connect(product.postgres.dsn())
    repeats = """
    SELECT count(*) FROM (SELECT checksum, lag(checksum) OVER (ORDER BY version) AS before FROM payment_routes) versions
    WHERE checksum = before
    """
    assert await connection.fetchval(repeats) == 0, "no version says what the one before it said"
    await connection.close()


async def test_a_pod_is_killed_during_a_fan_out_and_comes_back(product):
    async with product.watch.during():
        for _ in range(3):
            await product.watch.commit()
            await asyncio.sleep(0.1)
            await product.pods[0].kill()
            await asyncio.sleep(0.3)
            await product.pods[0].start()
            await product.pods[0].until("/ready", 200)


async def test_a_pod_is_stopped_and_holds_up_nobody(product):
    stopped, *others = product.pods
    watch = Watch(others, product.postgres.dsn())
    async with watch.during():
        stopped.signal(signal.SIGSTOP)
        await asyncio.sleep(4)
        await watch.answer()
    stopped.signal(signal.SIGCONT)


async def test_a_pod_that_starts_without_postgres_is_alive_not_ready_and_heals(product):
    await asyncio.to_thread(product.postgres.stop)
    pod = ApiProcess(product.folder, "late", Product.dsn(product.postgres.port))
    await pod.start()
    try:
        await pod.until("/health", 200)
        assert await pod.status("/ready") == 503
        assert await pod.status("/routes") == 503
        async with asyncio.timeout(PROGRESS):
            while "Postgres is unavailable" not in pod.log.read_text():
                await asyncio.sleep(0.05)
        async with aiohttp.ClientSession() as client:
            headers = {"Authorization": "Bearer test-admin-token"}
            async with client.get(pod.public + "/admin/policy", headers=headers) as response:
                assert response.status == 503
                assert (await response.json())["code"] == "database_unavailable"
        await asyncio.to_thread(product.postgres.start)
        await pod.until("/ready", 200)
    finally:
        await pod.stop()


async def test_sigterm_drains_and_ends(product):
    pod = product.pods[0]
    pod.signal(signal.SIGTERM)
    ending = asyncio.create_task(pod.wait())
    statuses = set()
    while pod.running:
        statuses.add(await pod.status("/ready"))
        await asyncio.sleep(0.02)
    assert await ending == 0
    assert 503 in statuses
    product.syncs[0].signal(signal.SIGTERM)
    assert await product.syncs[0].wait() == 0
