from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hingecraft.settings import Secret
from support.pods import Running, running_pod


@pytest.fixture
async def pod(dsn: Secret) -> AsyncIterator[Running]:
    async with running_pod(dsn) as running:
        yield running
