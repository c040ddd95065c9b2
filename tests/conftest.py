"""One Postgres for a whole test run, one database for each test, cloned from a migrated template."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack

import asyncpg
import hypothesis
import pytest

from hingecraft.db.connection import Database
from hingecraft.migrations.command import bring_up_to_date
from hingecraft.routes import store
from hingecraft.settings import DsnSecret, Secret
from hingecraft_sandbox.postgres import Postgres, find_binaries, free_port
from support import prefork
from support.folders import database_folder
from support.limits import PROGRESS
from support.sandbox import Sandbox, running_sandbox

SERVER = "HC_TEST_POSTGRES"
VERSION = "HC_TEST_POSTGRES_VERSION"
TEMPLATE = "hc_template"

running = ExitStack()

# No test fails because the machine is slow.
hypothesis.settings.register_profile("hingecraft", deadline=None)
hypothesis.settings.load_profile("hingecraft")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Only the process that the others are started by has the server; they find it by the environment."""
    prefork.current = prefork.fork_server()
    running.callback(prefork.current.stop)
    if SERVER in os.environ:
        return
    folder = running.enter_context(database_folder())
    server = Postgres(
        folder=folder / "postgres",
        binaries=find_binaries(os.environ.get(VERSION, "18")),
        port=free_port(),
        settings={"log_min_messages": "fatal", "max_wal_size": "256MB"},
    )
    server.start()
    running.callback(server.stop, immediately=True)
    os.environ[SERVER] = server.dsn("{database}")
    asyncio.run(_make_template(server.dsn("postgres"), server.dsn(TEMPLATE)))


def pytest_sessionfinish(session: pytest.Session) -> None:
    running.close()


async def _make_template(admin: str, template: str) -> None:
    connection = await asyncpg.connect(admin)
    await connection.execute(f"CREATE DATABASE {TEMPLATE}")
    await connection.close()
    await bring_up_to_date(DsnSecret(template), "hingecraft_app", lambda _line: None)


def dsn_of(database: str) -> str:
    return os.environ[SERVER].format(database=database)


async def _create(template: str) -> str:
    name = f"t_{uuid.uuid4().hex[:16]}"
    connection = await asyncpg.connect(dsn_of("postgres"))
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    finally:
        await connection.close()
    return name


async def _install(name: str) -> None:
    """A copy has an installation of its own: what the sandbox remembers of other tests is none of its business."""
    connection = await asyncpg.connect(dsn_of(name))
    try:
        await connection.execute("UPDATE installation SET id = gen_random_uuid()")
    finally:
        await connection.close()


async def _drop(name: str) -> None:
    connection = await asyncpg.connect(dsn_of("postgres"))
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def server() -> str:
    """The DSN of the server's own database, for tests that look at the server as a whole."""
    return dsn_of("postgres")


@pytest.fixture
async def dsn() -> AsyncIterator[Secret]:
    """A database of this test's own, migrated, with the first version published."""
    name = await _create(TEMPLATE)
    await _install(name)
    yield DsnSecret(dsn_of(name))
    await _drop(name)


@pytest.fixture
async def other_dsn() -> AsyncIterator[Secret]:
    """Another database beside the test's own."""
    name = await _create(TEMPLATE)
    await _install(name)
    yield DsnSecret(dsn_of(name))
    await _drop(name)


@pytest.fixture
async def new_dsn() -> AsyncIterator[Callable[[], Awaitable[Secret]]]:
    """Makes as many databases as a test asks for."""
    names: list[str] = []

    async def make() -> Secret:
        names.append(await _create(TEMPLATE))
        await _install(names[-1])
        return DsnSecret(dsn_of(names[-1]))

    yield make
    for name in names:
        await _drop(name)


@pytest.fixture
async def empty_dsn() -> AsyncIterator[Secret]:
    """A database with nothing in it."""
    name = await _create("template0")
    yield DsnSecret(dsn_of(name))
    await _drop(name)


@pytest.fixture(scope="session")
def sandbox_process() -> Iterator[Sandbox]:
    """The providers' sandbox of this worker; a tier's own `sandbox` has it clean for each test."""
    with running_sandbox() as process:
        yield process


@pytest.fixture
def still_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """No place of a rate limit becomes free during the test, however slow the machine is."""
    monkeypatch.setattr("hingecraft_api.access.rate_limit._MINUTE", 6000.0)
    monkeypatch.setattr("hingecraft_api.access.shared_limit._MINUTE_MS", 6_000_000)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crowd may wait for a connection, a statement and the lock of publishing as long as a slow machine needs."""
    for limit in ("connection.CONNECT_TIMEOUT", "pool.ACQUIRE_TIMEOUT", "connection.STATEMENT_TIMEOUT"):
        monkeypatch.setattr(f"hingecraft.db.{limit}", PROGRESS)
    locking = store.LOCK_PUBLISHING
    assert "'2s'" in locking
    assert "'4s'" in locking
    longer = f"'{PROGRESS:.0f}s'"
    monkeypatch.setattr(store, "LOCK_PUBLISHING", locking.replace("'2s'", longer).replace("'4s'", longer))


@pytest.fixture
async def conn(dsn: Secret) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn.newest)
    yield connection
    await connection.close()


@pytest.fixture
async def database(dsn: Secret) -> AsyncIterator[Database]:
    pool = Database(dsn, application="test", largest=8)
    yield pool
    await pool.close()
