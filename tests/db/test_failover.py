"""Postgres that can only be read: a primary that was demoted, or a standby that a name still leads to."""

from __future__ import annotations

import os
import shutil

import pytest

from hingecraft.db.connection import Database, connect
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.settings import DsnSecret
from hingecraft_sandbox.postgres import Postgres, find_binaries, free_port
from support.folders import open_folder

VERSION = "HC_TEST_POSTGRES_VERSION"
WRITE = "UPDATE route_policy SET paused = paused"


@pytest.fixture(scope="module")
def pair():
    """A primary, and a standby made of a copy of its files."""
    with open_folder() as folder:
        servers = [
            Postgres(folder=folder / name, binaries=find_binaries("18"), port=free_port())
            for name in ("primary", "standby")
        ]
        primary, standby = servers
        primary.start()
        primary.stop()
        shutil.copytree(primary.folder, standby.folder)
        (standby.folder / "data" / "standby.signal").touch()
        for path in (standby.folder, *standby.folder.rglob("*")):
            owner = (primary.folder / "data").stat()
            os.chown(path, owner.st_uid, owner.st_gid)
        for server in servers:
            server.start()
        yield primary, standby
        for server in servers:
            server.stop(immediately=True)


def both(pair, attributes: str = "") -> DsnSecret:
    """The standby stands first in the list."""
    primary, standby = pair
    return DsnSecret(f"postgresql://hingecraft@127.0.0.1:{standby.port},127.0.0.1:{primary.port}/postgres{attributes}")


async def test_read_write_finds_the_primary_among_several_hosts(pair):
    conn = await connect(both(pair, "?target_session_attrs=read-write"), application="test")
    assert not await conn.fetchval("SELECT pg_is_in_recovery()")
    await conn.close()
    conn = await connect(both(pair), application="test")
    assert await conn.fetchval("SELECT pg_is_in_recovery()"), "without it the first that answers is taken"
    await conn.close()


async def test_without_a_primary_the_database_is_away(pair):
    _, standby = pair
    dsn = DsnSecret(f"{standby.dsn()}?target_session_attrs=read-write")
    with pytest.raises(DatabaseUnavailableError):
        await connect(dsn, application="test")
    database = Database(dsn, application="test")
    with pytest.raises(DatabaseUnavailableError):
        async with database.connection() as conn:
            await conn.fetchval("SELECT 1")
    await database.close()


async def test_a_write_to_a_standby_means_that_the_database_is_away(pair):
    _, standby = pair
    database = Database(standby.secret_dsn(), application="test")
    with pytest.raises(DatabaseUnavailableError):
        async with database.connection() as conn:
            await conn.execute("CREATE TABLE written (id int)")
    await database.close()


async def test_a_connection_that_has_become_read_only_is_dropped(dsn):
    """Kept in the pool, it would refuse every write until its server ends it."""
    database = Database(dsn, application="test", largest=1)
    async with database.connection() as conn:
        await conn.execute("SET default_transaction_read_only = on")
        before = await conn.fetchval("SELECT pg_backend_pid()")
    with pytest.raises(DatabaseUnavailableError):
        async with database.transaction() as conn:
            await conn.execute(WRITE)
    async with database.transaction() as conn:
        await conn.execute(WRITE)
        assert await conn.fetchval("SELECT pg_backend_pid()") != before
    await database.close()


async def test_reading_goes_on(dsn):
    database = Database(dsn, application="test", largest=1)
    async with database.connection() as conn:
        await conn.execute("SET default_transaction_read_only = on")
    async with database.connection() as conn:
        assert await conn.fetchval("SELECT max(version) FROM payment_routes") == 1
    await database.close()
