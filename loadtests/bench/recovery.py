"""How soon the product is right again after a fault, and how soon its processes end when they are told to."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import asyncpg
import uvloop
from bench.figures import Figure, say

from support.folders import open_folder
from support.processes import ApiProcess, HingecraftProcess
from support.product import Product, running_product

ROUNDS = 2
READERS = 50
END_CONNECTIONS = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE $1
"""
# A client that goes silent in the middle of its request: the pod waits for it as long as it waits for anybody.
HALF_A_REQUEST = b"POST /charter/generate-payment HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{"


def run() -> Iterator[Figure]:
    with open_folder() as folder:
        yield from uvloop.run(_figures(folder))


async def _figures(folder: Path) -> list[Figure]:
    async with running_product(folder) as product:
        await product.watch.commit()
        await product.watch.every_pod_serves_the_newest()
        healed = {name: max([await _healed(product, fault) for _ in range(ROUNDS)]) for name, fault in FAULTS.items()}
        pods = [await _pod_ends(product) for _ in range(ROUNDS)]
        syncs = [await _sync_ends(product) for _ in range(ROUNDS)]
    for name, seconds in healed.items():
        say(f"{name}: {seconds:.2f} s")
    say(f"pods end after {_listed(pods)} s, hingecraft sync after {_listed(syncs)} s")
    return [
        Figure(
            "from the end of a fault to the last of three pods serving a commit", max(healed.values()), 5, unit=" s"
        ),
        Figure("from SIGTERM to the end of a pod with open requests", max(pods), 12, unit=" s"),
        Figure("from SIGTERM to the end of hingecraft sync", max(syncs), 10, unit=" s"),
    ]


def _listed(seconds: list[float]) -> str:
    return ", ".join(f"{each:.2f}" for each in seconds)


async def _healed(product: Product, fault: Callable[[Product], Awaitable[None]]) -> float:
    """The seconds from the end of the fault until all pods serve what is committed then."""
    await fault(product)
    began = time.monotonic()
    await product.watch.commit()
    await product.watch.every_pod_serves_the_newest()
    return time.monotonic() - began


async def _connections_end(product: Product, application: str) -> None:
    connection = await asyncpg.connect(product.postgres.dsn())
    while not await connection.fetchval(END_CONNECTIONS, application):
        await asyncio.sleep(0.05)
    await connection.close()


async def _the_network_swallows(product: Product) -> None:
    product.proxy.swallow()
    await asyncio.sleep(12)
    product.proxy.heal()


async def _postgres_is_away(product: Product) -> None:
    await asyncio.to_thread(product.postgres.stop)
    await asyncio.sleep(15)
    await asyncio.to_thread(product.postgres.start)


async def _postgres_crashes(product: Product) -> None:
    await asyncio.to_thread(product.postgres.stop, immediately=True)
    await asyncio.to_thread(product.postgres.start)


async def _sync_is_killed(product: Product) -> None:
    await product.syncs[-1].kill()
    await asyncio.sleep(2)
    await product.syncs[-1].start()


async def _sync_is_stopped(product: Product) -> None:
    product.syncs[-1].signal(signal.SIGSTOP)
    await asyncio.sleep(10)
    product.syncs[-1].signal(signal.SIGCONT)


FAULTS: dict[str, Callable[[Product], Awaitable[None]]] = {
    "the listener's connection is ended": lambda product: _connections_end(product, "hingecraft-listener"),
    "every connection is ended": lambda product: _connections_end(product, "hingecraft-%"),
    "the network to Postgres swallows packets for 12 s": _the_network_swallows,
    "Postgres is away for 15 s": _postgres_is_away,
    "Postgres crashes": _postgres_crashes,
    "hingecraft sync is killed, and started 2 s later": _sync_is_killed,
    "hingecraft sync is stopped for 10 s": _sync_is_stopped,
}


async def _pod_ends(product: Product) -> float:
    """While many read its routes, and one has sent half a request."""
    pod = product.pods[0]
    async with _readers(pod):
        _, writer = await asyncio.open_connection("127.0.0.1", pod.port)
        writer.write(HALF_A_REQUEST)
        await asyncio.sleep(1)
        took = await _end(pod)
        writer.close()
    await pod.start()
    await pod.until("/ready", 200)
    return took


@asynccontextmanager
async def _readers(pod: ApiProcess) -> AsyncIterator[None]:
    async def read(client: aiohttp.ClientSession) -> None:
        while True:
            try:
                async with client.get(pod.public + "/routes") as response:
                    await response.read()
            except aiohttp.ClientError:
                await asyncio.sleep(0.05)

    async with aiohttp.ClientSession() as client:
        reading = [asyncio.create_task(read(client)) for _ in range(READERS)]
        yield
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)


async def _sync_ends(product: Product) -> float:
    """While Postgres does not answer, and something was committed that it wants to publish."""
    product.proxy.swallow()
    await product.watch.commit()
    await asyncio.sleep(1)
    took = await _end(product.syncs[-1])
    product.proxy.heal()
    await product.syncs[-1].start()
    await product.watch.every_pod_serves_the_newest()
    return took


async def _end(process: HingecraftProcess) -> float:
    began = time.monotonic()
    process.signal(signal.SIGTERM)
    code = await process.wait()
    assert code == 0, process.log.read_text()[-2000:]
    return time.monotonic() - began
