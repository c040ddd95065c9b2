"""The Wix app's export of a million payments: how long it takes, and the pod's memory against a tenth of them."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen
from uuid import uuid4

import asyncpg
from bench.api_process import Api, migrate, running_api
from bench.figures import Figure, say
from bench.servers import postgres

from support import wix
from support.jobs import FILL, JOBS

FEW, MANY, WITHIN, GROWTH = 100_000, 1_000_000, 60, 1.2
_CHUNK, _MEGABYTE = 1 << 20, 1 << 20


def figures() -> Iterator[Figure]:
    site = str(uuid4())
    environment = {
        "WIX_APP_ID": wix.APP_ID, "WIX_APP_SECRET": wix.APP_SECRET, "WIX_APP_PUBLIC_KEY": wix.public_key(),
        "WIX_OWNER_INSTANCES": site, "RATE_LIMIT": "1000000",
    }  # fmt: skip
    peaks, took = [], 0.0
    with postgres(max_wal_size="4GB", shared_buffers="512MB") as server:
        migrate(server)
        for rows, more in ((FEW, FEW), (MANY, MANY - FEW)):
            asyncio.run(_fill(server.dsn(), more))
            with running_api(server, **environment) as api:
                took, lines = _exported(api, site)
                peaks.append(_peak(api))
            say(f"{lines:,} lines in {took:.1f} s, peak {peaks[-1]:.1f} MB")
            assert lines == rows + 1, "a line for each payment, and one of names"
    yield Figure(f"an export of {MANY:,} payments, with its download", took, WITHIN, unit=" s")
    yield Figure(f"peak memory of the pod against an export of {FEW:,}", peaks[1] / peaks[0], GROWTH)


async def _fill(dsn: str, payments: int) -> None:
    conn = await asyncpg.connect(dsn)
    await conn.execute(FILL, payments, timeout=600)
    await conn.execute("VACUUM ANALYZE payments", timeout=600)
    await conn.close()


def _exported(api: Api, site: str) -> tuple[float, int]:
    """The seconds until the file is here, and how many lines it has."""
    started = time.monotonic()
    job = _ask(api, site, "POST", "", b'{"type": "export"}')["jobId"]
    while (found := _ask(api, site, "GET", f"/{job}"))["status"] in {"queued", "processing"}:
        time.sleep(0.1)
    assert found["status"] == "completed", found
    say(f"written in {time.monotonic() - started:.1f} s, {found['result']['bytes'] / _MEGABYTE:.0f} MB")
    lines = 0
    with urlopen(_request(api, site, "GET", f"/{job}/result"), timeout=WITHIN) as answer:
        while chunk := answer.read(_CHUNK):
            lines += chunk.count(b"\n")
    return time.monotonic() - started, lines


def _ask(api: Api, site: str, method: str, path: str, body: bytes | None = None) -> dict[str, Any]:
    with urlopen(_request(api, site, method, path, body), timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)["data"]
        return found


def _request(api: Api, site: str, method: str, path: str, body: bytes | None = None) -> Request:
    headers = {**wix.owner(site), "Content-Type": "application/json"}
    return Request(api.url + JOBS + path, data=body, headers=headers, method=method)


def _peak(api: Api) -> float:
    """The most memory that the process ever had, in megabytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{api.process.pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024
