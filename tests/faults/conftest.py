from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from support.folders import open_folder
from support.product import Product, running_product


@pytest.fixture
async def product() -> AsyncIterator[Product]:
    """Three pods and an engine as real processes; what they have logged is shown where the test fails."""
    with open_folder() as folder:
        async with running_product(folder) as made:
            yield made
        for log in sorted(folder.glob("*.log")):
            print(f"== {log.name}\n{log.read_text(errors='replace')[-4000:]}")
