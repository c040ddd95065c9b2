"""One release for the whole run, in a namespace of its own, gone afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.helm_release import Release
from support.through_ingress import visiting


@pytest.fixture(scope="session")
def release() -> Iterator[Release]:
    made = Release()
    made.remove()
    made.prepare()
    made.define()
    made.start_sandbox()
    made.install()
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture
async def people(release):
    async with visiting() as (site, bank):
        yield site, bank
        await bank.ask("DELETE", "/_sandbox/switches")
