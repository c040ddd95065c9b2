"""The contents of a push, and engines and pods of different releases."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from typing import Annotated, Any

import pytest
from pydantic import Field

from hingecraft.identity.principal import Kind
from hingecraft.routes import service as routes
from hingecraft.sync.push import LARGEST_COMPRESSED, with_document
from hingecraft_api import app
from hingecraft_api.access.limits import Limit
from hingecraft_api.features.routes import ROUTES
from hingecraft_api.messages.bodies import LARGEST_BODY, Input
from hingecraft_api.routes import loader
from hingecraft_api.systems import FEATURES
from hingecraft_api.web.endpoint import Endpoint
from support.engines import running_engine
from support.pods import ADMIN, running_pod

LINK = "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ('stripe', 'usd', $1)"


@pytest.fixture
async def pods(dsn, monkeypatch):
    """Pods that do not poll for newer versions."""
    monkeypatch.setattr(loader, "_POLL_SHORTEST", 3600)
    monkeypatch.setattr(loader, "_POLL_LONGEST", 3600)
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(running_pod(dsn, background=False)) for _ in range(3)]


def take_the_database_from(pods):
    """From now on, a pod that asks for a connection fails."""
    for each in pods:
        each.pod.database._opened = None


async def link_of(pod):
    return (await pod.call("GET", "/routes"))[1]["data"]["routes"]["USD"]["url"]


async def test_pods_serve_a_small_version_from_the_push_without_a_query(dsn, conn, pods):
    async with running_engine(dsn, [pod.internal for pod in pods]) as engine:
        await engine.until(1)
        take_the_database_from(pods)
        for number in range(2, 5):
            await conn.execute(LINK, f"https://buy.example/{number}")
            await engine.until(number)
            assert [await link_of(pod) for pod in pods] == [f"https://buy.example/{number}"] * 3


async def test_what_a_pod_serves_is_the_same_with_and_without_a_document(dsn, conn, pods):
    """One pod has it from the push, one from Postgres: not a byte differs, so caches and ETags agree."""
    async with running_engine(dsn, [pods[0].internal]) as engine:
        await engine.until(1)
        await conn.execute(LINK, "https://buy.example/1")
        await engine.until(2)
        await pods[0].call("POST", "/admin/routes/pin", headers=ADMIN, json={"version": 1})
        await engine.until(3)
        await conn.execute("UPDATE route_policy SET pin_version = 2")
        await engine.until(4)
    await pods[1].pod.loader.refresh()
    pushed, loaded = (each.pod.cache.current for each in pods[:2])
    assert b'"restoredFrom": 2' in pushed.variants["identity"].body
    assert pushed.variants["identity"].body == loaded.variants["identity"].body


async def test_a_version_that_a_pod_has_published_travels_with_the_push_too(dsn, conn, pods):
    """Where nobody hears of the commit, an admin's refresh publishes; the other pods need no query."""
    async with running_engine(dsn, [pod.internal for pod in pods]) as engine:
        await engine.until(1)
        take_the_database_from(pods[1:])
        await conn.execute("ALTER TABLE external_payments DISABLE TRIGGER USER")
        await conn.execute(
            "INSERT INTO external_payments (gateway, provider, currency, provider_url, kind, status)"
            " VALUES ('stripe', 'stripe', 'USD', 'https://buy.example/1', 'standing', 'pending')"
        )
        await pods[0].call("POST", "/admin/refresh", headers=ADMIN)
        await engine.until(2)
        assert [await link_of(pod) for pod in pods] == ["https://buy.example/1"] * 3


async def test_a_pod_knows_a_currency_before_it_serves_its_route(dsn, conn, pods):
    async with running_engine(dsn, [pod.internal for pod in pods]) as engine:
        await engine.until(1)
        await conn.execute("UPDATE currencies SET name = 'Renamed' WHERE code = 'USD'")
        await engine.until(2)
        for pod in pods:
            assert pod.pod.currencies.by_code("USD").name == "Renamed"
            assert (await pod.call("GET", "/routes"))[1]["data"]["routes"]["USD"]["name"] == "Renamed"


async def test_a_version_that_is_too_large_for_a_push_is_loaded_from_postgres(dsn, conn, database, pods):
    async with running_engine(dsn, [pod.internal for pod in pods]) as engine:
        await engine.until(1)
        codes = [row["code"] for row in await conn.fetch("SELECT code FROM currencies WHERE enabled ORDER BY code")]
        length = 2 * LARGEST_COMPRESSED // len(codes) + 100
        async with conn.transaction():
            for code in codes:
                await conn.execute(
                    "INSERT INTO external_payments (gateway, currency, provider_url) VALUES ('stripe', $1, $2)",
                    code,
                    f"https://buy.example/{secrets.token_hex(length // 2 + 1)}",
                )
        await engine.until(2)
        assert [pod.pod.cache.version for pod in pods] == [2] * 3
    document = (await routes.publish(database, known=0)).document
    assert document is not None
    assert with_document(document) is None


class _OldPushInput(Input):
    """As the pods of the release before had it: an unknown field is an error."""

    version: Annotated[int, Field(ge=1)]
    checksum: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


@pytest.fixture
def an_older_pod(dsn, monkeypatch):
    """Starts pods that take no document, with the body limit of the release before."""
    pushes: list[int] = []

    async def post_routes(call) -> Any:
        pushes.append(call.body.version)
        version = await call.pod.loader.reach(call.body.version)
        return {"version": version, "checksum": call.pod.cache.current.checksum}

    old = Endpoint(
        method="POST",
        path="/internal/routes",
        handler=post_routes,
        summary="Start serving a version",
        tag="Internal",
        body=_OldPushInput,
        limit=Limit.NONE,
        access=(Kind.ENGINE,),
    )

    @asynccontextmanager
    async def start():
        with monkeypatch.context() as patched:
            patched.setattr(app, "LARGEST_PUSH", LARGEST_BODY)
            stack = AsyncExitStack()
            features = [replace(each, internal=[old]) if each is ROUTES else each for each in FEATURES]
            pod = await stack.enter_async_context(running_pod(dsn, background=False, features=features))
        async with stack:
            yield pod, pushes

    return start


async def test_old_and_new_pods_work_with_a_new_engine(dsn, conn, pods, an_older_pod):
    async with an_older_pod() as (old, pushes):
        async with running_engine(dsn, [pods[0].internal, old.internal]) as engine:
            await engine.until(1)
            take_the_database_from(pods[:1])
            for number in range(2, 5):
                await conn.execute(LINK, f"https://buy.example/{number}")
                await engine.until(number)
                assert [await link_of(pod) for pod in (pods[0], old)] == [f"https://buy.example/{number}"] * 2
        assert pushes == [1, 2, 3, 4], "each version was pushed once, in a form that it takes"


class _Address:
    """A fixed address, as of a Service, behind which the pod changes."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def lead_to(self, upstream: str) -> None:
        """The pod before is gone, and its connections with it."""
        self._upstream = upstream
        self.close_connections()

    def close_connections(self) -> None:
        for writer in self._open:
            writer.close()

    async def stop(self) -> None:
        self._server.close()
        self.close_connections()

    async def _relay(self, reader, writer) -> None:
        host, _, port = self._upstream.removeprefix("http://").partition(":")
        from_pod, to_pod = await asyncio.open_connection(host, int(port))
        self._open |= {writer, to_pod}

        async def copy(source, target):
            while data := await source.read(65536):
                target.write(data)
            target.close()

        await asyncio.gather(copy(reader, to_pod), copy(from_pod, writer), return_exceptions=True)


async def test_a_pod_that_is_rolled_back_at_the_same_address_is_pushed_to_as_before(dsn, conn, pods, an_older_pod):
    """The engine has learned that the pod there takes documents; the older one rejects them."""
    address = _Address(pods[0].internal)
    async with an_older_pod() as (old, pushes), running_engine(dsn, [await address.start()]) as engine:
        await conn.execute(LINK, "https://buy.example/2")
        await engine.until(2)
        address.lead_to(old.internal)
        await conn.execute(LINK, "https://buy.example/3")
        await engine.until(3)
        assert (await link_of(old), 3 in pushes) == ("https://buy.example/3", True)
        address.lead_to(pods[1].internal)
        await conn.execute(LINK, "https://buy.example/4")
        await engine.until(4)
        assert await link_of(pods[1]) == "https://buy.example/4"
    await address.stop()
