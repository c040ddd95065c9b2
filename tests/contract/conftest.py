"""One pod for the whole tier, in a process of its own."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from support.folders import open_folder
from support.processes import ApiProcess
from support.sandbox import Sandbox

TEMPLATE = "hc_template"


@pytest.fixture(scope="session")
def pod(server: str) -> Iterator[ApiProcess]:
    with open_folder() as folder, asyncio.Runner() as runner:
        name = f"c_{uuid.uuid4().hex[:16]}"
        runner.run(_execute(server, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} STRATEGY file_copy"))
        sandbox = Sandbox(folder)
        process = runner.run(_start(folder, server.replace("/postgres", f"/{name}"), sandbox))
        yield process
        runner.run(process.stop())
        runner.run(sandbox.stop())
        runner.run(_execute(server, f"DROP DATABASE {name} WITH (FORCE)"))


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(statement)
    await connection.close()


async def _start(folder: Path, dsn: str, sandbox: Sandbox) -> ApiProcess:
    await sandbox.start()
    await sandbox.ready()
    process = ApiProcess(folder, "api", dsn, TRUSTED_PROXIES="127.0.0.1", **sandbox.environment)
    await process.start()
    await process.until("/ready", 200)
    return process
