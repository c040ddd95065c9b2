"""A caller who has proved who it is has a limit of its own, or none; all others count by their address."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from hingecraft.identity.principal import Kind
from hingecraft_api.app import public_app
from hingecraft_api.web.endpoint import Endpoint
from hingecraft_api.web.server import Runner
from support.pods import ADMIN, running_pod, signed_visitor

pytestmark = pytest.mark.usefixtures("still_minute")


async def greet(call):
    return {"kind": call.principal.kind}


ENDPOINTS = [
    Endpoint(method="GET", path=path, handler=greet, summary="Greet", tag="Operations", access=access)
    for path, access in (("/admins", (Kind.ADMIN,)), ("/either", (Kind.ADMIN, Kind.VISITOR)))
]


@asynccontextmanager
async def greeting(dsn, **more):
    async with running_pod(dsn, **more) as pod:
        runner = Runner(public_app(pod.pod, ENDPOINTS), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        pod.public = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield pod
        finally:
            await runner.cleanup()


async def statuses(pod, path, count, headers):
    found = []
    for _ in range(count):
        async with pod.client.get(pod.public + path, headers=headers) as response:
            found.append(response.status)
    return found


async def test_admins_are_not_limited_and_visitors_of_the_same_endpoint_are(dsn):
    async with greeting(dsn, rate_limit=3) as pod:
        assert await statuses(pod, "/either", 6, ADMIN) == [200] * 6
        assert await statuses(pod, "/either", 4, {}) == [200, 200, 200, 429]
        assert await statuses(pod, "/either", 4, signed_visitor("vid:" + "a" * 22)) == [200, 200, 200, 429]
        assert await statuses(pod, "/either", 1, ADMIN) == [200]


async def test_callers_that_prove_nothing_are_counted_by_their_address(dsn):
    async with greeting(dsn, rate_limit=3) as pod:
        assert await statuses(pod, "/admins", 5, {}) == [401, 401, 401, 429, 429]
        assert await statuses(pod, "/admins", 5, ADMIN) == [200] * 5


async def test_wrong_tokens_do_not_hide_behind_the_limit_of_their_address(dsn):
    async with greeting(dsn, rate_limit=3) as pod:
        wrong = {"Authorization": "Bearer a-guess"}
        assert await statuses(pod, "/admins", 32, wrong) == [401] * 30 + [429] * 2
        assert await statuses(pod, "/admins", 1, ADMIN) == [429], "the right token must not stand out among the guesses"
