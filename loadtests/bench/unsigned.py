"""Unsigned IPNs of a megabyte, a hundred a second from one address: what they cost everybody else's GET /routes."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.sharedctypes import Synchronized
from urllib.parse import urlsplit

from bench.api_process import Api
from bench.figures import Figure, say
from bench.servers import GENERATOR_CORE
from bench.wrk import wrk

RATE, SECONDS, PAIRS = 100, 10, 3
_BODY = b'{"payment_id":' + b"1" * (1024 * 1024) + b"}"


def figures(api: Api) -> Iterator[Figure]:
    """Attacked in every other round. The attacker shares the core of wrk, so in between it attacks itself instead."""
    quiet, attacked, sent = [], [], 0
    wrk(f"{api.url}/routes", 2)
    for _ in range(PAIRS):
        with _attack(None):
            quiet.append(wrk(f"{api.url}/routes", SECONDS))
        with _attack(api.url) as count:
            attacked.append(wrk(f"{api.url}/routes", SECONDS))
        sent += count.value
    p99s = [statistics.median(load.p99_ms for load in loads) for loads in (quiet, attacked)]
    say(f"p99 of GET /routes: {p99s[0]:.2f} ms, {p99s[1]:.2f} ms with {sent / PAIRS / SECONDS:.0f} such IPNs a second")
    yield Figure("unsigned 1 MB IPNs sent, of 100/s", sent / (PAIRS * SECONDS * RATE), 0.95, at_least=True)
    yield Figure("GET /routes that failed then", sum(load.failures for load in (*quiet, *attacked)), 0)
    yield Figure("p99 of GET /routes then, against quiet", p99s[1] / p99s[0], 1.2)


@contextmanager
def _attack(url: str | None) -> Iterator[Synchronized[int]]:
    count: Synchronized[int] = multiprocessing.Value("i", 0)
    process = multiprocessing.Process(target=_run, args=(url, count))
    process.start()
    try:
        yield count
    finally:
        process.join(SECONDS + 20)


def _run(url: str | None, count: Synchronized[int]) -> None:
    os.sched_setaffinity(0, {int(GENERATOR_CORE)})
    asyncio.run(_send(url, count) if url else _send_to_itself(count))


async def _send_to_itself(count: Synchronized[int]) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as sink:
        await _send(f"http://127.0.0.1:{sink.sockets[0].getsockname()[1]}", count)


async def _send(url: str, count: Synchronized[int]) -> None:
    host, port = urlsplit(url).hostname, urlsplit(url).port
    head = (
        f"POST /webhooks/nowpayments HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(_BODY)}\r\n\r\n"
    ).encode()

    async def one() -> None:
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(SECONDS):
                reader, writer = await asyncio.open_connection(host, port)
                count.value += 1
                try:
                    writer.writelines([head, _BODY])
                    await reader.read()
                finally:
                    writer.transport.abort()

    started = time.perf_counter()
    async with asyncio.TaskGroup() as sending:
        for number in range(RATE * SECONDS):
            await asyncio.sleep(max(0.0, started + number / RATE - time.perf_counter()))
            sending.create_task(one())
