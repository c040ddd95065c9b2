"""A reconciliation of ten thousand open checkouts at a hundred requests a second, and what it takes of memory.

The sandbox, a process of its own, has the sessions in its journal; a tenth of them has expired. The baseline of the
same run is a reconciliation of a tenth as many: memory must not grow with them.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil
from bench import given
from bench.api_process import migrate
from bench.figures import Figure, say
from bench.servers import postgres

from hingecraft_sandbox.postgres import Postgres
from support.folders import open_folder
from support.processes import SECRETS
from support.sandbox import Sandbox

MANY, FEW, RATE = 10_000, 1_000, 100


@dataclass(frozen=True)
class Run:
    """The results of one reconciliation."""

    seconds: float
    peak_mb: float
    summary: dict[str, int]


def run() -> Iterator[Figure]:
    with postgres() as server, open_folder() as folder:
        migrate(server)
        few, many = _one(server, folder, FEW), _one(server, folder, MANY)
    say(
        f"{FEW} checkouts: {few.seconds:.1f} s, {few.peak_mb:.0f} MB; "
        f"{MANY}: {many.seconds:.1f} s, {many.peak_mb:.0f} MB"
    )
    say(f"{MANY}: {many.summary}")
    yield Figure(f"{MANY} open checkouts at {RATE} requests/s", many.seconds, 120, unit=" s")
    yield Figure("of them not looked at, or wrong", MANY - many.summary["checked"] + many.summary["errors"], 0)
    yield Figure(f"memory at {MANY} against {FEW}", many.peak_mb / few.peak_mb, 1.1)


def _one(server: Postgres, folder: Path, number: int) -> Run:
    payments = [str(uuid.uuid4()) for _ in range(number)]
    journal = folder / f"{number}.jsonl"
    journal.write_text("".join(json.dumps(["sessions", _session(payment, place)]) + "\n"
                               for place, payment in enumerate(payments)))  # fmt: skip
    dsn = server.dsn("postgres")
    asyncio.run(_given(dsn, payments))
    return asyncio.run(_reconciled(dsn, folder, journal))


def _session(payment: str, place: int) -> dict[str, object]:
    return {
        "id": f"cs_test_{payment}", "object": "checkout.session", "mode": "payment", "livemode": False,
        "created": int(time.time()), "expires_at": int(time.time()) + 86_000, "currency": "usd", "amount_total": 500,
        "amount_subtotal": 500, "status": "open" if place % 10 else "expired", "payment_status": "unpaid",
        "payment_intent": None, "payment_link": None, "client_reference_id": payment, "customer": None,
        "customer_email": None, "metadata": {"payment_id": payment}, "url": "http://127.0.0.1/", "items": [],
        "intent_metadata": {}, "success_url": "x", "cancel_url": "x", "submit_type": "donate",
    }  # fmt: skip


async def _given(dsn: str, payments: list[str]) -> None:
    conn = await asyncpg.connect(dsn)
    # Rows that other benchmarks left have no rows in the audit log, so the trigger that requires them is off.
    await conn.execute(
        "SET session_replication_role = replica; "
        "UPDATE external_payments SET status = 'expired' WHERE kind = 'single'; RESET session_replication_role"
    )
    await conn.execute("UPDATE currencies SET enabled = false WHERE kind = 'fiat'")
    await given.pending(conn, payments)
    await conn.close()


async def _reconciled(dsn: str, folder: Path, journal: Path) -> Run:
    sandbox = Sandbox(folder, "--journal", str(journal))
    await sandbox.start()
    try:
        await sandbox.ready()
        return await asyncio.to_thread(_command, dsn, sandbox.environment)
    finally:
        await sandbox.stop()


def _command(dsn: str, environment: dict[str, str]) -> Run:
    started, peak = time.perf_counter(), 0
    process = subprocess.Popen(
        [sys.executable, "-m", "hingecraft", "reconcile", "--once", "--all"],
        env={**os.environ, **SECRETS, **environment, "DATABASE_URL": dsn, "STRIPE_RATE": str(RATE)},
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    seen = psutil.Process(process.pid)
    while process.poll() is None:
        peak = max(peak, seen.memory_info().rss)
        time.sleep(0.1)
    seconds = time.perf_counter() - started
    assert process.stdout is not None
    return Run(seconds, peak / 1e6, json.loads(process.stdout.read().strip().splitlines()[-1]))
