from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from hingecraft.settings import Secret
from hingecraft_sandbox.postgres import free_port
from support.broken_connections import Breaks
from support.members import Member
from support.pods import Running, running_pod
from support.sandbox import Sandbox


@pytest.fixture
async def sandbox(sandbox_process: Sandbox) -> Sandbox:
    """With every switch off, and without what a reconciliation reads: events and links of earlier tests."""
    await sandbox_process.ready()
    for kind in ("events", "payment_links", "prices"):
        await sandbox_process.ask("DELETE", f"/_sandbox/book/{kind}")
    return sandbox_process


@pytest.fixture
async def few_links(conn: asyncpg.Connection) -> None:
    """Few currencies: a reconciliation makes a standing link for each that is enabled, by three calls to Stripe."""
    await conn.execute("UPDATE currencies SET enabled = kind = 'crypto' OR code IN ('USD', 'EUR', 'SEK')")


@pytest.fixture
async def pod(dsn: Secret, sandbox: Sandbox) -> AsyncIterator[Running]:
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    await sandbox.tells(address)
    async with running_pod(dsn, **{**sandbox.settings, "port": port, "public_url": address}) as running:
        yield running


@pytest.fixture
def settings(sandbox: Sandbox) -> dict[str, Any]:
    """The settings by which a pod or a reconciliation reaches the sandbox."""
    return sandbox.settings


@pytest.fixture
def ada(pod: Running) -> Member:
    """A member, at the pod of the file's own."""
    return Member(pod)


@pytest.fixture
async def breaks(dsn: Secret, pod: Running) -> AsyncIterator[Breaks]:
    connection = await asyncpg.connect(dsn.newest)
    yield Breaks(pod.pod.database, connection)
    await connection.close()
