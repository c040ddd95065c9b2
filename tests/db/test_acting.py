"""Row-level security: a transaction acts for its caller, and nothing of that outlives it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import asyncpg
import pytest

from hingecraft.db.connection import ACT, Connection, Database
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.identity.principal import ANONYMOUS, Kind, Principal
from hingecraft.settings import DsnSecret, Secret
from support.limits import PROGRESS

ADA, BEN = (Principal(kind=Kind.USER, id=str(uuid4())) for _ in range(2))
STATE = """
SELECT current_user::text, coalesce(current_setting('request.jwt.claims', true), '') AS claims,
       current_setting('search_path') AS search_path
"""
# One statement text for everybody: the driver prepares it once and uses it again on the same connection.
MINE = "SELECT note FROM notes ORDER BY note"
SLEEPS = "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = $1"
LOGIN = "acting_app"
NOTES = f"""
CREATE TABLE notes (user_id uuid NOT NULL, note text NOT NULL);
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON notes FOR SELECT TO authenticated
    USING (user_id = (SELECT (current_setting('request.jwt.claims')::json ->> 'sub')::uuid));
GRANT SELECT ON notes TO authenticated, service_role, {LOGIN};
GRANT USAGE ON SCHEMA public TO authenticated, service_role, anon, {LOGIN};
"""


@pytest.fixture
async def as_app(dsn: Secret) -> DsnSecret:
    """The login of a pod, which may act as each role and owns nothing."""
    conn = await asyncpg.connect(dsn.newest)
    for statement in (
        "CREATE ROLE anon NOLOGIN", "CREATE ROLE authenticated NOLOGIN", "CREATE ROLE service_role NOLOGIN BYPASSRLS",
        f"CREATE ROLE {LOGIN} LOGIN NOINHERIT", f"GRANT anon, authenticated, service_role TO {LOGIN}",
    ):  # fmt: skip
        # Roles belong to the server: another test may make the same ones now.
        with suppress(asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError, asyncpg.InternalServerError):
            await conn.execute(statement)
    await conn.execute(NOTES)
    for caller, note in ((ADA, "of ada"), (BEN, "of ben")):
        await conn.execute("INSERT INTO notes VALUES ($1, $2)", UUID(caller.id), note)
    await conn.close()
    return DsnSecret(dsn.newest.replace("hingecraft@", f"{LOGIN}@"))


@pytest.fixture
async def database(as_app):
    """One connection only, so that everybody gets the one that was given back."""
    made = Database(as_app, application="test", largest=1)
    yield made
    await made.close()


async def notes(conn: Connection) -> list[str]:
    return [row["note"] for row in await conn.fetch(MINE)]


async def state_of(conn: Connection) -> asyncpg.Record:
    found = await conn.fetchrow(STATE)
    assert found is not None
    return found


async def until_it_sleeps(conn: Connection, process: int) -> None:
    """Postgres drops a request to cancel a statement that it has not begun to read."""
    async with asyncio.timeout(PROGRESS):
        while not await conn.fetchval(SLEEPS, process):
            await asyncio.sleep(0.01)


async def process_of(database: Database) -> int:
    async with database.connection() as conn:
        return conn.get_server_pid()


async def assert_that_nothing_is_left(database: Database, process: int | None = None) -> None:
    async with database.connection() as conn:
        if process is not None:
            assert conn.get_server_pid() == process, "it is another connection, which shows nothing"
        state = await state_of(conn)
        assert (state["current_user"], state["claims"]) == (LOGIN, "")
        assert state["search_path"] == '"$user", public'
        assert await notes(conn) == []


async def test_each_caller_sees_its_own_rows_by_one_prepared_statement(database):
    for _ in range(2):
        for caller, seen in (
            (ADA, ["of ada"]), (BEN, ["of ben"]), (Principal(kind=Kind.SERVICE), ["of ada", "of ben"]),
            (Principal(kind=Kind.USER), []),
        ):  # fmt: skip
            async with database.acting(caller) as conn:
                assert await notes(conn) == seen
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with database.acting(ANONYMOUS) as conn:
            await notes(conn)
    await assert_that_nothing_is_left(database)


async def test_a_connection_that_is_given_back_carries_nothing(database):
    async with database.acting(ADA) as conn:
        process = conn.get_server_pid()
        await conn.execute("SET LOCAL search_path = pg_catalog")
        assert (await state_of(conn))["current_user"] == "authenticated"
    await assert_that_nothing_is_left(database, process)


async def test_nor_does_one_on_which_a_statement_failed(database):
    process = await process_of(database)
    with suppress(asyncpg.DivisionByZeroError):
        async with database.acting(ADA) as conn:
            await conn.execute("SET LOCAL search_path = pg_catalog")
            await conn.execute("SELECT 1 / 0")
    await assert_that_nothing_is_left(database, process)


async def test_nor_one_whose_failed_statement_nobody_minded(database):
    async with database.acting(ADA) as conn:
        process = conn.get_server_pid()
        with suppress(asyncpg.DivisionByZeroError):
            await conn.execute("SELECT 1 / 0")
    await assert_that_nothing_is_left(database, process)


@pytest.mark.parametrize("statement", ["SELECT pg_sleep(60)", None])
async def test_nor_one_whose_caller_was_cancelled(database, conn, statement):
    """In the middle of a statement, and between two."""
    begun, process = asyncio.Event(), await process_of(database)

    async def act() -> None:
        async with database.acting(ADA) as mine:
            begun.set()
            await (mine.execute(statement) if statement else asyncio.Event().wait())

    task = asyncio.create_task(act())
    await begun.wait()
    if statement:
        await until_it_sleeps(conn, process)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await assert_that_nothing_is_left(database, process)


async def test_nor_one_on_which_a_part_was_undone(database):
    """A savepoint inside gives the caller's rights back, not those of the login."""
    async with database.acting(ADA) as conn:
        process = conn.get_server_pid()
        with suppress(asyncpg.DivisionByZeroError):
            async with conn.transaction():
                await conn.execute(ACT, BEN.database_role, "{}")
                await conn.execute("SELECT 1 / 0")
        assert await notes(conn) == ["of ada"]
    await assert_that_nothing_is_left(database, process)


async def test_a_role_that_may_not_be_used_is_an_error_that_says_what_to_do(database):
    @dataclass(frozen=True)
    class Wrong:
        database_role: str
        claims: dict[str, str] = field(default_factory=dict)

    for role in ("hingecraft", "there_is_no_such_role"):
        with pytest.raises(DatabaseUnavailableError, match=f"role {role} cannot be used.*grant the role"):
            async with database.acting(Wrong(role)):
                raise AssertionError("it acts as somebody who it is not")
    await assert_that_nothing_is_left(database)


async def test_clients_that_share_a_session_transaction_by_transaction_do_not_meet(as_app):
    """As behind a pooler in transaction mode, which resets nothing between two clients' transactions."""
    session = await asyncpg.connect(as_app.newest)

    async def client(caller: Principal, seen: list[str], turn: asyncio.Event, next_turn: asyncio.Event) -> None:
        for number in range(6):
            await turn.wait()
            turn.clear()
            with suppress(asyncpg.DivisionByZeroError):
                async with session.transaction():
                    await session.execute(ACT, caller.database_role, f'{{"sub": "{caller.id}"}}')
                    assert await notes(session) == seen
                    if number % 3 == 2:
                        await session.execute("SELECT 1 / 0")
            # What a client sends without acting for anybody.
            state = await state_of(session)
            assert (state["current_user"], state["claims"], await notes(session)) == (LOGIN, "", [])
            next_turn.set()

    first, second = asyncio.Event(), asyncio.Event()
    first.set()
    await asyncio.gather(client(ADA, ["of ada"], first, second), client(BEN, ["of ben"], second, first))
    await session.close()
