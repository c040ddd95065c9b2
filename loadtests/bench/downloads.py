"""Downloads: what a URL costs with a million entitlements, and what a large file costs the pod that sends it."""

from __future__ import annotations

import asyncio
import os
import socket
import statistics
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

import asyncpg
import psutil
from bench.api_process import migrate, running_api
from bench.figures import Figure, percentile, say
from bench.servers import cpu_seconds, postgres, server_on_its_core

from hingecraft.db.connection import Database
from hingecraft.purchases.downloads.folder import Folder
from hingecraft.purchases.downloads.service import Downloads
from hingecraft.settings import DsnSecret, Secret
from hingecraft_sandbox.postgres import Postgres, free_port
from support.downloads import SECRET
from support.folders import open_folder
from support.pods import ADMIN_TOKEN
from support.tokens import SECRET as JWT_SECRET

ENTITLEMENTS = int(os.environ.get("DOWNLOADS_BENCH_ROWS", "1000000"))
GRANTS = 2_000
MEGABYTE = 1024 * 1024
SIZE = 100 * MEGABYTE
ROUNDS, TIMES, AT_ONCE = 9, 5, 50
DESIGN = UUID(int=1)
NAME = "design.bin"
# A process, and what it is asked for.
Sender: TypeAlias = "tuple[psutil.Process, str]"
# Of each user's ten purchases one is the design, which they download for the first time.
FILL = f"""
SET session_replication_role = replica;
INSERT INTO products (id, type, name, price, currency, active, file, download_limit)
SELECT lpad(to_hex(n), 32, '0')::uuid, 'design', 'Design ' || n, 5, 'USD', true, '{NAME}', 5
FROM generate_series(1, 10) n;
INSERT INTO purchases (id, user_id, livemode, product_id, payment_id, amount, currency, status, starts_at)
SELECT lpad(to_hex(n), 32, '0')::uuid, lpad(to_hex(n / 10), 32, '0')::uuid, false,
    lpad(to_hex(n % 10 + 1), 32, '0')::uuid, lpad(to_hex(n), 32, '0')::uuid, 5, 'USD', 'active', now()
FROM generate_series(1, {ENTITLEMENTS}) n;
INSERT INTO entitlements (purchase_id, user_id, payment_id, starts_at, download_limit)
SELECT id, user_id, payment_id, starts_at, 5 FROM purchases;
RESET session_replication_role;
"""


def run() -> Iterator[Figure]:
    with postgres(max_wal_size="4GB", shared_buffers="256MB") as server, open_folder() as folder:
        (folder / NAME).write_bytes(os.urandom(MEGABYTE) * (SIZE // MEGABYTE))
        migrate(server)
        asyncio.run(_fill(server))
        yield asyncio.run(_grants(server, folder))
        yield from _files(server, folder)


async def _fill(server: Postgres) -> None:
    conn = await asyncpg.connect(server.dsn())
    await conn.execute(FILL)
    for table in ("products", "purchases", "entitlements", "downloads"):
        await conn.execute(f"VACUUM ANALYZE {table}")
    await conn.close()


async def _grants(server: Postgres, folder: Path) -> Figure:
    database = Database(DsnSecret(server.dsn()), application="bench", largest=2)
    storage = Folder(str(folder))
    downloads = Downloads(database, storage, Secret(SECRET), url_seconds=600, grace_hours=24, livemode=False)
    took = []
    for user in range(1, GRANTS + 1):
        started = time.perf_counter()
        granted = await downloads.grant(UUID(int=user), DESIGN)
        took.append(time.perf_counter() - started)
        assert granted.remaining == 4
    await database.close()
    await storage.close()
    say(f"a counted URL: p50 {percentile(took, 0.5) * 1000:.1f} ms of {ENTITLEMENTS:,} entitlements")
    return Figure("a counted URL with a million entitlements, p99", percentile(took, 0.99) * 1000, 10, unit=" ms")


def _files(server: Postgres, folder: Path) -> Iterator[Figure]:
    port = free_port()
    theirs = [sys.executable, str(Path(__file__).parent / "file_response.py"), str(folder / NAME), str(port)]
    with (
        server_on_its_core(theirs) as process,
        running_api(server, DOWNLOADS=f"file://{folder}", DOWNLOAD_SECRET=SECRET, AUTH_JWT_SECRET=JWT_SECRET) as api,
    ):
        url = api.url + _admins_path(api.url)
        yield _against_file_response((api.process, url), (process, f"http://127.0.0.1:{port}/"))
        yield Figure("memory for 50 downloads at once", _growth(api.process, url) / MEGABYTE, 50, unit=" MB")


def _against_file_response(ours: Sender, theirs: Sender) -> Figure:
    """They take turns, since the machine's speed changes from one second to the next."""
    for sender in (ours, theirs):
        _megabytes_a_cpu_second(*sender)
    pairs = [(_megabytes_a_cpu_second(*ours), _megabytes_a_cpu_second(*theirs)) for _ in range(ROUNDS)]
    of_pod, of_aiohttp = (statistics.median(each) for each in zip(*pairs, strict=True))
    say(f"for each CPU-second: {of_pod:,.0f} MB, with aiohttp's FileResponse {of_aiohttp:,.0f} MB")
    ratio = statistics.median(pod / other for pod, other in pairs)
    return Figure("a 100 MB file for each CPU-second, against FileResponse", ratio, 1, at_least=True)


def _admins_path(api: str) -> str:
    request = urllib.request.Request(
        f"{api}/api/v1/downloads/{DESIGN}", headers={"Authorization": f"Bearer {ADMIN_TOKEN}"}
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        found: str = answer.read().decode().partition('"url":"')[2].partition('"')[0]
    return found


def _megabytes_a_cpu_second(process: psutil.Process, url: str) -> float:
    for _ in range(100):
        try:
            _download(url)
        except OSError:
            time.sleep(0.05)
        else:
            break
    before = cpu_seconds(process)
    for _ in range(TIMES):
        _download(url)
    return TIMES * SIZE / MEGABYTE / (cpu_seconds(process) - before)


def _download(url: str) -> None:
    """Only as far as the kernel: what the client does with it is not measured."""
    client = _begun(url)
    try:
        _drained(client)
    finally:
        client.close()


def _begun(url: str) -> socket.socket:
    host, _, path = url.removeprefix("http://").partition("/")
    client = socket.create_connection((host.partition(":")[0], int(host.partition(":")[2])), timeout=60)
    client.sendall(f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    return client


def _drained(client: socket.socket) -> None:
    buffer, received = bytearray(MEGABYTE), 0
    while count := client.recv_into(buffer):
        received += count
    assert received > SIZE, "a download was cut off"


def _growth(process: psutil.Process, url: str) -> int:
    """All of them are under way before the first is read to its end."""
    before = process.memory_info().rss
    clients = [_begun(url) for _ in range(AT_ONCE)]
    largest = before
    for client in clients:
        client.recv(1024, socket.MSG_PEEK)
    for client in clients:
        largest = max(largest, process.memory_info().rss)
        _drained(client)
        client.close()
    return largest - before
