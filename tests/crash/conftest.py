from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hingecraft.settings import Secret
from support.folders import open_folder
from support.sandbox import Sandbox
from support.stage import Stage


@pytest.fixture
async def sandbox(sandbox_process: Sandbox) -> Sandbox:
    """With every switch off, and with nothing in its books."""
    await sandbox_process.ready()
    await sandbox_process.ask("DELETE", "/_sandbox/book")
    return sandbox_process


@pytest.fixture
async def stage(dsn: Secret, sandbox: Sandbox) -> AsyncIterator[Stage]:
    """A pod that is ready, as a process."""
    with open_folder() as folder:
        stage = Stage(folder, dsn.newest, sandbox)
        try:
            await stage.begin()
            yield stage
        finally:
            await stage.end()
