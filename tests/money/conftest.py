from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from hingecraft.settings import Secret
from support.folders import open_folder
from support.pods import Running, running_pod
from support.sandbox import Sandbox


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[Sandbox]:
    with open_folder() as folder, asyncio.Runner() as runner:
        process = Sandbox(folder)
        runner.run(process.start())
        runner.run(process.ready())
        yield process
        runner.run(process.stop())


@pytest.fixture
async def sandbox(sandbox_process: Sandbox) -> Sandbox:
    """With every switch off."""
    await sandbox_process.ready()
    return sandbox_process


@pytest.fixture
async def pod(dsn: Secret, sandbox: Sandbox) -> AsyncIterator[Running]:
    async with running_pod(dsn, **sandbox.settings) as running:
        yield running
