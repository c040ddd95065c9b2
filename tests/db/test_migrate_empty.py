from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import asyncpg
import pytest

from hingecraft import cli
from hingecraft.db.connection import connect
from hingecraft.errors import UsageError
from hingecraft.migrations.command import bring_up_to_date
from hingecraft.migrations.files import migrations_folder, read_migrations
from hingecraft.migrations.runner import migrate, states
from support.limits import PROGRESS
from support.lock_waits import until_waiting

SAID: list[str] = []
NEXT = f"{len(read_migrations(migrations_folder())):03}"


@pytest.fixture
async def empty(empty_dsn):
    connection = await connect(empty_dsn, application="test")
    yield connection
    await connection.close()


@pytest.fixture
def copy(tmp_path) -> Path:
    shutil.copytree(migrations_folder(), tmp_path / "migrations")
    return tmp_path / "migrations"


async def test_the_original_numbers_are_kept():
    names = [migration.file_name for migration in read_migrations(migrations_folder())]
    assert names[:6] == [
        "000_base.sql", "001_payment_routes.sql", "002_providers.sql", "003_payment_audit.sql",
        "004_notify_routes.sql", "005_prefills.sql",
    ]  # fmt: skip


async def test_a_second_run_does_nothing(empty):
    migrations = read_migrations(migrations_folder())
    assert await migrate(empty, migrations, SAID.append) == len(migrations)
    assert await migrate(empty, migrations, SAID.append) == 0
    assert all(state.applied for state in await states(empty, migrations))


async def test_every_step_is_safe_to_repeat(empty):
    """A process may die after a step is committed and before the ledger says so."""
    migrations = read_migrations(migrations_folder())
    await migrate(empty, migrations, SAID.append)
    await empty.execute("UPDATE schema_migrations SET applied_at = NULL, steps_done = 0")
    assert await migrate(empty, migrations, SAID.append) == len(migrations)


async def test_a_file_changed_after_it_was_applied_is_named(empty, copy):
    await migrate(empty, read_migrations(copy), SAID.append)
    changed = copy / "003_payment_audit.sql"
    changed.write_text(changed.read_text() + "-- a word more\n")
    with pytest.raises(UsageError, match=r"003_payment_audit\.sql was changed after it was applied"):
        await migrate(empty, read_migrations(copy), SAID.append)


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("010_gap.sql", "-- @step quick\nSELECT 1;", "missing before it"),
        ("005_double.sql", "-- @step quick\nSELECT 1;", "duplicated"),
        ("9_short.sql", "", "name migrations like"),
        (f"{NEXT}_no_step.sql", "SELECT 1;", "no '-- @step' line"),
    ],
)
async def test_files_that_cannot_be_meant_are_named(copy, name, text, complaint):
    (copy / name).write_text(text)
    with pytest.raises(UsageError, match=complaint):
        read_migrations(copy)


async def test_two_runners_at_once_apply_each_migration_once(empty_dsn):
    connections = [await connect(empty_dsn, application="test") for _ in range(2)]
    migrations = read_migrations(migrations_folder())
    counts = await asyncio.gather(*(migrate(conn, migrations, SAID.append) for conn in connections))
    assert sorted(counts) == [0, len(migrations)]
    for conn in connections:
        await conn.close()


async def test_a_failed_migration_leaves_what_came_before_and_goes_on_when_mended(empty, copy):
    (copy / f"{NEXT}_wrong.sql").write_text(
        "-- @step quick\nCREATE TABLE first_half (id int);\n-- @step quick\nSELECT nonsense;\n"
    )
    with pytest.raises(asyncpg.UndefinedColumnError):
        await migrate(empty, read_migrations(copy), SAID.append)
    state = (await states(empty, read_migrations(copy)))[-1]
    assert (state.steps_done, state.applied) == (1, False)
    (copy / f"{NEXT}_wrong.sql").write_text(
        "-- @step quick\nCREATE TABLE IF NOT EXISTS first_half (id int);\n-- @step quick\nSELECT 1;\n"
    )
    assert await migrate(empty, read_migrations(copy), SAID.append) == 1


async def test_an_index_left_half_built_is_built_again(empty, copy):
    await migrate(empty, read_migrations(copy), SAID.append)
    await empty.execute("CREATE TABLE twice (id int); INSERT INTO twice VALUES (1), (1)")
    statement = "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS twice_idx ON twice (id);"
    (copy / f"{NEXT}_index.sql").write_text(f"-- @step online\n{statement}\n")
    with pytest.raises(asyncpg.UniqueViolationError):
        await migrate(empty, read_migrations(copy), SAID.append)
    await empty.execute("DELETE FROM twice WHERE ctid = '(0,1)'")
    await migrate(empty, read_migrations(copy), SAID.append)
    assert await empty.fetchval("SELECT indisvalid FROM pg_index WHERE indexrelid = 'twice_idx'::regclass")


async def test_an_index_of_a_partitioned_table_is_built_partition_by_partition(empty, copy):
    """Also one that a killed run left half built."""
    await migrate(empty, read_migrations(copy), SAID.append)
    names = [row[0] for row in await empty.fetch("SELECT inhrelid::regclass::text FROM pg_inherits "
             "WHERE inhparent = 'provider_events'::regclass")]  # fmt: skip
    columns = "(type) WHERE type <> 'x'"
    statement = f"CREATE INDEX CONCURRENTLY IF NOT EXISTS each_partition_type_idx ON each_partition {columns};"
    (copy / f"{NEXT}_index.sql").write_text(
        f"-- @step online\n-- @partitions provider_events\n{statement}\n"
        f"-- @step quick\nCREATE INDEX IF NOT EXISTS provider_events_type_idx ON provider_events {columns};\n"
    )
    await empty.execute(f"CREATE INDEX {names[0]}_type_idx ON {names[0]} {columns}")
    await empty.execute(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = to_regclass($1)", f"{names[0]}_type_idx"
    )
    await migrate(empty, read_migrations(copy), SAID.append)
    built = await empty.fetch(
        "SELECT indexrelid::regclass::text AS name, indisvalid, pg_partition_root(indexrelid)::regclass::text AS root "
        "FROM pg_index WHERE indexrelid::regclass::text LIKE 'provider_events%type_idx' ORDER BY 1"
    )
    assert {row["name"] for row in built} == {"provider_events_type_idx", *(f"{name}_type_idx" for name in names)}
    assert all(row["indisvalid"] and row["root"] == "provider_events_type_idx" for row in built)


async def test_a_busy_table_is_waited_for_without_holding_up_its_writers(empty_dsn, copy):
    """The runner gives its lock request up after a second, so that nobody queues behind it for longer.

    The holder keeps its lock until all have written: otherwise the writers would wait for its end.
    """
    runner, holder, writer = [
        await connect(empty_dsn, application="test", statement_timeout=PROGRESS) for _ in range(3)
    ]
    await migrate(runner, read_migrations(copy), SAID.append)
    (copy / f"{NEXT}_column.sql").write_text(
        "-- @step quick\nALTER TABLE wallets ADD COLUMN IF NOT EXISTS note text;\n"
    )
    held = holder.transaction()
    await held.start()
    await holder.execute("SELECT FROM wallets")
    running = asyncio.create_task(migrate(runner, read_migrations(copy), SAID.append))
    for _ in range(3):
        await until_waiting(writer)
        await writer.execute("INSERT INTO wallets (coin, wallet_address) VALUES ('btc', 'x')")
    await held.commit()
    assert await running == 1
    for conn in (runner, holder, writer):
        await conn.close()


async def test_the_application_may_do_what_it_needs_and_no_more(conn):
    await conn.execute("SET ROLE hingecraft_app")
    await conn.execute("INSERT INTO payment_audit (actor, action) VALUES ('admin', 'looked')")
    await conn.execute("UPDATE route_policy SET paused = false")
    await conn.execute("UPDATE currencies SET enabled = false")
    for refused in (
        "DELETE FROM payments", "UPDATE currencies SET min_amount = 0", "DROP TABLE wallets",
        "INSERT INTO schema_migrations VALUES (99, 'x', 'x')", "DELETE FROM route_policy", "DELETE FROM payment_audit",
    ):  # fmt: skip
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute(refused)


async def test_even_the_owner_can_only_add_to_the_audit_log(conn):
    await conn.execute("INSERT INTO payment_audit (actor, action) VALUES ('admin', 'looked')")
    partition = await conn.fetchval("SELECT tableoid::regclass::text FROM payment_audit LIMIT 1")
    assert partition != "payment_audit_default"
    for refused in (
        "UPDATE payment_audit SET actor = 'nobody'", "DELETE FROM payment_audit", "TRUNCATE payment_audit",
        f"TRUNCATE {partition}", f"DELETE FROM {partition}", "TRUNCATE payment_audit_default",
    ):  # fmt: skip
        with pytest.raises(asyncpg.IntegrityConstraintViolationError) as error:
            await conn.execute(refused)
        assert error.value.constraint_name == "payment_audit_append_only"


async def test_partitions_are_made_ahead_and_rows_without_one_are_kept(conn):
    await conn.execute(
        "INSERT INTO outbox (endpoint, type, data, created_at) VALUES ('a', 'b', '{}', now() + '5 months')"
    )
    assert await conn.fetchval("SELECT hc_keep_partitions('outbox', 3)") == 0
    assert await conn.fetchval("SELECT hc_keep_partitions('outbox', 6)") == 2
    assert await conn.fetchval("SELECT count(*) FROM outbox_default") == 1
    with pytest.raises(asyncpg.RaiseError):
        await conn.execute("SELECT hc_keep_partitions('payments', 1)")


async def test_without_the_right_to_create_roles_the_owner_serves(empty_dsn, empty):
    SAID.clear()
    name = empty_dsn.newest.rpartition("/")[2]
    await empty.execute(f"CREATE ROLE owner_{name} LOGIN; ALTER DATABASE {name} OWNER TO owner_{name}")
    try:
        owner = type(empty_dsn)(empty_dsn.newest.replace("hingecraft@", f"owner_{name}@"))
        await bring_up_to_date(owner, f"app_{name}")
        assert not await empty.fetchval("SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", f"app_{name}")
        assert await empty.fetchval("SELECT max(version) FROM payment_routes") == 1
    finally:
        await empty.execute(f"REASSIGN OWNED BY owner_{name} TO hingecraft; DROP OWNED BY owner_{name}")
        await empty.execute(f"DROP ROLE owner_{name}")


def test_the_command_shows_plan_and_status(empty_dsn, monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", empty_dsn.newest)
    assert cli.main(["migrate", "--dry-run"]) == 0
    assert "would apply 000_base.sql" in capsys.readouterr().out
    assert cli.main(["migrate", "--status"]) == 0
    assert capsys.readouterr().out.count("missing") == len(read_migrations(migrations_folder()))
    assert cli.main(["migrate"]) == 0
    assert "published routes version 1" in capsys.readouterr().out
    assert cli.main(["migrate", "--status"]) == 0
    assert capsys.readouterr().out.count("applied") == len(read_migrations(migrations_folder()))
    assert cli.main(["migrate", "--dry-run"]) == 0
    assert capsys.readouterr().out == "nothing to do\n"


def test_the_command_says_what_is_wrong_in_one_line(monkeypatch, capsys):
    monkeypatch.setenv("DATABASE_URL", "postgresql://someone@127.0.0.1:1/nothing")
    assert cli.main(["migrate"]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    monkeypatch.delenv("DATABASE_URL")
    assert cli.main(["migrate"]) == 2
    assert "DATABASE_URL is not set" in capsys.readouterr().err
    assert "DATABASE_URL" not in os.environ


async def test_a_step_may_take_longer_than_any_statement_of_a_pod(empty_dsn, monkeypatch, copy):
    (copy / f"{NEXT}_slow.sql").write_text("-- @step online\nSELECT pg_sleep(5.5);\n")
    monkeypatch.setattr("hingecraft.migrations.command.migrations_folder", lambda: copy)
    await bring_up_to_date(empty_dsn, "hingecraft_app", lambda _line: None)
