"""Postgres by TLS with a company's own CA, and the first connection while nothing listens yet."""

from __future__ import annotations

import asyncio
import queue
from urllib.parse import urlsplit

import pytest

from hingecraft import cli
from hingecraft.db import connection
from hingecraft.db.connection import Database, connect, connect_at_start
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.migrations.command import bring_up_to_date
from hingecraft.routes import service as routes
from hingecraft.settings import DsnSecret
from hingecraft_sandbox.postgres import free_port
from support.folders import open_folder
from support.limits import PROGRESS
from support.tls_front import make_certificates, tls_front

# The driver and the other side of TLS are the same for every version.
pytestmark = [pytest.mark.newest_postgres, pytest.mark.usefixtures("patient")]


@pytest.fixture(scope="module")
def certificates():
    with open_folder() as folder:
        make_certificates(folder)
        yield folder


class Front:
    """The test's database, behind TLS."""

    def __init__(self, dsn, folder):
        self._parts, self._folder, self._port = urlsplit(dsn.newest), folder, free_port()

    def dsn(self, *, mode="verify-full", ca="ca.crt", host="127.0.0.1"):
        attributes = f"?sslmode={mode}&sslrootcert={self._folder / ca}"
        user, database = self._parts.username, self._parts.path
        return DsnSecret(f"postgresql://{user}@{host}:{self._port}{database}{attributes}")

    def open(self):
        return tls_front(self._folder, self._port, (self._parts.hostname, self._parts.port))


@pytest.fixture
def front(empty_dsn, certificates):
    return Front(empty_dsn, certificates)


@pytest.mark.parametrize("mode", ["verify-full", "verify-ca"])
async def test_a_companys_own_authority_is_trusted_by_its_file(front, mode):
    """By direct connections, as the engine's listener has them, by a pool, and by the migration."""
    async with front.open():
        await bring_up_to_date(front.dsn(mode=mode), "hingecraft_app", lambda _line: None)
        conn = await connect(front.dsn(mode=mode), application="test")
        assert await conn.fetchval("SELECT count(*) FROM payments") == 0
        await conn.close()
        database = Database(front.dsn(mode=mode), application="test")
        assert await routes.newest_number(database) == 1
        await database.close()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ca": "other.crt"}, "certificate verify failed"),
        ({"host": "localhost"}, "certificate verify failed"),
        ({"mode": "disable"}, "cannot be reached"),
    ],
)
async def test_another_authority_or_host_or_no_tls_is_refused_with_the_reason(front, change, said):
    async with front.open():
        with pytest.raises(DatabaseUnavailableError, match=said):
            await connect(front.dsn(**change), application="test")


@pytest.fixture
def failures(monkeypatch):
    """The error of each attempt to connect that has failed."""
    seen: queue.Queue[DatabaseUnavailableError] = queue.Queue()

    async def noting(*arguments, **options):
        try:
            return await connect(*arguments, **options)
        except DatabaseUnavailableError as error:
            seen.put(error)
            raise

    monkeypatch.setattr(connection, "connect", noting)
    return seen


@pytest.mark.parametrize("change", [{"ca": "other.crt"}, {"host": "localhost"}])
async def test_what_does_not_pass_by_itself_is_not_tried_again(front, failures, change):
    async with front.open():
        with pytest.raises(DatabaseUnavailableError):
            await connect_at_start(front.dsn(**change), application="test")
    assert failures.qsize() == 1


async def test_a_job_waits_for_a_postgres_that_does_not_listen_yet(front, failures, monkeypatch, capsys):
    monkeypatch.setattr(connection, "FIRST_CONNECTION", PROGRESS)
    monkeypatch.setenv("DATABASE_URL", front.dsn().newest)
    migrating = asyncio.create_task(asyncio.to_thread(cli.main, ["migrate"]))
    await asyncio.to_thread(failures.get, timeout=PROGRESS)
    assert not migrating.done()
    async with front.open():
        assert await migrating == 0
    assert "published routes version 1" in capsys.readouterr().out
