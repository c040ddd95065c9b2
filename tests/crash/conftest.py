from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hingecraft.settings import Secret
from support.folders import open_folder
from support.sandbox import Sandbox
from support.stage import Stage


@pytest.fixture
async def stage(dsn: Secret) -> AsyncIterator[Stage]:
    """A pod that is ready, and a sandbox, as processes."""
    with open_folder() as folder:
        sandbox = Sandbox(folder)
        await sandbox.start()
        await sandbox.ready()
        stage = Stage(folder, dsn.newest, sandbox)
        try:
            await stage.begin()
            yield stage
        finally:
            await stage.end()
            await sandbox.stop()
