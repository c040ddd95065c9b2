from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hingecraft.settings import Secret
from hingecraft_api.lane.routes_lane import RoutesLane
from support.pods import Running, running_pod
from support.two_paths import TwoPaths


@pytest.fixture
async def pod(dsn: Secret) -> AsyncIterator[Running]:
    async with running_pod(dsn) as running:
        yield running


@pytest.fixture
def answered(monkeypatch) -> list[str]:
    """The method of each request that the lane has answered."""
    methods: list[str] = []
    head = RoutesLane.head

    def noting(lane, decided):
        given = head(lane, decided)
        if given is not None:
            methods.append(decided.head.key.method)
        return given

    monkeypatch.setattr(RoutesLane, "head", noting)
    return methods


@pytest.fixture
async def both(dsn: Secret, answered) -> AsyncIterator[TwoPaths]:
    more: dict[str, Any] = {"cors_origins": ["https://site.example"], "trusted_proxies": ["127.0.0.0/8"]}
    async with running_pod(dsn, **more) as lane, running_pod(dsn, routes_lane=False, **more) as aiohttp:
        for pod in (lane, aiohttp):
            while "br" not in pod.pod.cache.current.variants:
                await asyncio.sleep(0.005)
        answered.clear()
        yield TwoPaths(lane, aiohttp)
