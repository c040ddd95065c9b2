from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hingecraft.settings import Secret
from support.plans import pod_for_plans
from support.pods import Running
from support.sandbox import Sandbox


@pytest.fixture
async def sandbox(sandbox_process: Sandbox) -> Sandbox:
    """With every switch off."""
    await sandbox_process.ready()
    return sandbox_process


@pytest.fixture
async def shop(dsn: Secret, sandbox: Sandbox) -> AsyncIterator[Running]:
    """A pod that members and donors pay through, and a sandbox that is empty before and after."""
    async with pod_for_plans(dsn, sandbox) as running:
        yield running
