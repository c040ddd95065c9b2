from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support.pods import Running, running_pod

from hingecraft.settings import Secret


@pytest.fixture
async def pod(dsn: Secret) -> AsyncIterator[Running]:
    async with running_pod(dsn) as running:
        yield running
