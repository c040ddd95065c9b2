"""Runs migrations one runner at a time, on a database that is in use, and goes on where a killed run stopped."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import asyncpg

from hingecraft.errors import UsageError
from hingecraft.migrations import privileges
from hingecraft.migrations.files import Migration, Step
from hingecraft.migrations.report import Report
from hingecraft.migrations.roles import GRANTS

# Nothing may be locked for more than 2 s: a step waits this long for its locks, and then works this long at most.
LOCK_TIMEOUT = "900ms"
QUICK_TIMEOUT = "1000ms"
BATCH_ROWS = 5_000
_BATCH_TIMEOUT = "60s"
_TRIES = 60
_LONGEST_PAUSE = 5.0
_RUNNER_LOCK = "hingecraft.migrations"
_RUNNER_POLL = 0.5

LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    number int CONSTRAINT schema_migrations_pkey PRIMARY KEY,
    file_name text NOT NULL,
    checksum text NOT NULL,
    steps_done int NOT NULL DEFAULT 0,
    batch_cursor text,
    batch_rows bigint NOT NULL DEFAULT 0,
    started_at timestamptz NOT NULL DEFAULT now(),
    applied_at timestamptz
)
"""
LEDGER_ROWS = (
    "SELECT number, file_name, checksum, steps_done, batch_cursor, batch_rows, applied_at FROM schema_migrations"
)
LEDGER_EXISTS = "SELECT to_regclass('schema_migrations') IS NOT NULL"
BEGIN_MIGRATION = """
INSERT INTO schema_migrations (number, file_name, checksum) VALUES ($1, $2, $3)
ON CONFLICT (number) DO UPDATE SET checksum = excluded.checksum WHERE schema_migrations.applied_at IS NULL
"""
STEP_DONE = """
UPDATE schema_migrations SET steps_done = $2, batch_cursor = NULL, batch_rows = 0 WHERE number = $1
"""
BATCH_DONE = "UPDATE schema_migrations SET batch_cursor = $2, batch_rows = batch_rows + $3 WHERE number = $1"
MIGRATION_DONE = "UPDATE schema_migrations SET applied_at = now() WHERE number = $1"
TAKE_RUNNER_LOCK = "SELECT pg_try_advisory_lock(hashtext($1))"
ABOUT_ROWS = "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = to_regclass($1)"
PARTITIONS = """
SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = to_regclass($1) ORDER BY 1
"""
INVALID_INDEX = "SELECT EXISTS (SELECT FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid)"

# What a function of a step keeps with `SET search_path FROM CURRENT`: the schema of the tables, temporary ones last.
ONLY_OUR_SCHEMA = "SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true)"

EACH_PARTITION = "each_partition"
_INDEX_NAME = re.compile(r"INDEX CONCURRENTLY IF NOT EXISTS (\w+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The progress of one migration in one database."""

    migration: Migration
    steps_done: int = 0
    batch_cursor: str | None = None
    batch_rows: int = 0
    applied: bool = False
    checksum: str | None = None


async def states(conn: asyncpg.Connection, migrations: Sequence[Migration]) -> list[State]:
    """The progress of each migration. Raises an error that names a file that changed after it was applied."""
    rows = await conn.fetch(LEDGER_ROWS) if await conn.fetchval(LEDGER_EXISTS) else []
    ledger = {row["number"]: row for row in rows}
    found = [_state(migration, ledger.get(migration.number)) for migration in migrations]
    for state in found:
        if state.applied and state.checksum != state.migration.checksum:
            raise UsageError(
                f"{state.migration.file_name} was changed after it was applied: put the file back as it was, "
                "and write what should be different into a new migration"
            )
    return found


def _state(migration: Migration, row: asyncpg.Record | None) -> State:
    if row is None:
        return State(migration=migration)
    unchanged = row["checksum"] == migration.checksum
    return State(
        migration=migration,
        # A file that was corrected after a failed run starts again: every step is safe to repeat.
        steps_done=row["steps_done"] if unchanged else 0,
        batch_cursor=row["batch_cursor"] if unchanged else None,
        batch_rows=row["batch_rows"] if unchanged else 0,
        applied=row["applied_at"] is not None,
        checksum=row["checksum"],
    )


async def migrate(conn: asyncpg.Connection, migrations: Sequence[Migration], report: Report) -> int:
    """Apply the missing migrations; returns how many."""
    async with _only_runner(conn, report):
        await _quickly(conn, LEDGER, report, "the ledger of migrations")
        await close_to_outsiders(conn, report)
        pending = [state for state in await states(conn, migrations) if not state.applied]
        for state in pending:
            await _apply(conn, state, report)
        return len(pending)


async def close_to_outsiders(conn: asyncpg.Connection, report: Report) -> None:
    """Before the first step, so that nothing is created open, and after each that creates something."""
    statements = await privileges.missing(conn, list(GRANTS))
    if statements:
        await _quickly(conn, ";\n".join(statements), report, "privileges")


@asynccontextmanager
async def _only_runner(conn: asyncpg.Connection, report: Report) -> AsyncIterator[None]:
    """Polled, because a runner that blocked inside Postgres could deadlock another's CREATE INDEX CONCURRENTLY."""
    waiting = False
    while not await conn.fetchval(TAKE_RUNNER_LOCK, _RUNNER_LOCK):
        if not waiting:
            report("another migration is running; waiting for it to end")
            waiting = True
        await asyncio.sleep(_RUNNER_POLL)
    try:
        yield
    finally:
        if not conn.is_closed():
            await conn.execute("SELECT pg_advisory_unlock(hashtext($1))", _RUNNER_LOCK)


async def _apply(conn: asyncpg.Connection, state: State, report: Report) -> None:
    migration = state.migration
    started = time.monotonic()
    await conn.execute(BEGIN_MIGRATION, migration.number, migration.file_name, migration.checksum)
    for index in range(state.steps_done, len(migration.steps)):
        step = migration.steps[index]
        cursor, rows = (state.batch_cursor, state.batch_rows) if index == state.steps_done else (None, 0)
        if step.unless is None or not await conn.fetchval(step.unless):
            await _run_step(conn, migration, step, report, cursor=cursor, rows=rows)
        await conn.execute(STEP_DONE, migration.number, index + 1)
    await conn.execute(MIGRATION_DONE, migration.number)
    report(f"applied {migration.file_name} in {time.monotonic() - started:.1f} s")


async def _run_step(
    conn: asyncpg.Connection, migration: Migration, step: Step, report: Report, *, cursor: str | None, rows: int
) -> None:
    if step.mode == "quick":
        await _quickly(conn, step.sql, report, migration.file_name)
        await close_to_outsiders(conn, report)
    elif step.partitions is not None:
        await _online_for_each(conn, step.partitions, step.sql)
    elif step.mode == "online":
        await _online(conn, step.sql)
    else:
        await _batched(conn, migration, step, report, cursor=cursor, rows=rows)


async def _quickly(conn: asyncpg.Connection, sql: str, report: Report, what: str) -> None:
    """Wait only briefly for locks and retry on a busy table, so that no writer queues for long."""
    for attempt in range(1, _TRIES + 1):
        try:
            async with conn.transaction():
                await conn.execute(
                    f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'; SET LOCAL statement_timeout = '{QUICK_TIMEOUT}'"
                )
                await conn.execute(ONLY_OUR_SCHEMA)
                await conn.execute(sql)
        except (asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError, asyncpg.DeadlockDetectedError):
            if attempt == _TRIES:
                raise UsageError(
                    f"{what}: its tables stayed busy through {_TRIES} tries; "
                    "end the long transactions that pg_stat_activity shows, then run this again"
                ) from None
            report(f"{what}: a table is busy, trying again ({attempt})")
            await asyncio.sleep(min(_LONGEST_PAUSE, 0.1 * 2**attempt))
        else:
            return


async def _online(conn: asyncpg.Connection, sql: str) -> None:
    """An index that a killed run left half built is invalid for ever, and `IF NOT EXISTS` would keep it: drop it."""
    await conn.execute("SET lock_timeout = 0; SET statement_timeout = 0")
    name = _INDEX_NAME.search(sql)
    if name and await conn.fetchval(INVALID_INDEX, name[1]):
        await conn.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name[1]}")
    await conn.execute(sql)


async def _online_for_each(conn: asyncpg.Connection, parent: str, sql: str) -> None:
    """The retention may drop a partition meanwhile."""
    for row in await conn.fetch(PARTITIONS, parent):
        with suppress(asyncpg.UndefinedTableError):
            await _online(conn, sql.replace(EACH_PARTITION, row["relname"]))


async def _batched(
    conn: asyncpg.Connection, migration: Migration, step: Step, report: Report, *, cursor: str | None, rows: int
) -> None:
    """Commit each page together with the place to continue from."""
    total = await conn.fetchval(ABOUT_ROWS, step.label) or 0
    told_at = time.monotonic()
    if rows:
        report(f"{migration.file_name}: continuing after {rows:,} rows of {step.label}")
    while True:
        page = await _one_batch(conn, migration, step, cursor)
        if page["cursor"] is None:
            return
        cursor, rows = page["cursor"], rows + page["rows"]
        if time.monotonic() - told_at >= 1:
            told_at = time.monotonic()
            report(f"{migration.file_name}: {rows:,} of about {max(total, rows):,} rows of {step.label}")


async def _one_batch(conn: asyncpg.Connection, migration: Migration, step: Step, cursor: str | None) -> asyncpg.Record:
    """Apply one page; if a writer holds a lock, the page waits and is retried."""
    for attempt in range(1, _TRIES + 1):
        try:
            async with conn.transaction():
                await conn.execute(
                    f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'; SET LOCAL statement_timeout = '{_BATCH_TIMEOUT}'"
                )
                page = await conn.fetchrow(step.sql, cursor, BATCH_ROWS)
                assert page is not None
                if page["cursor"] is not None:
                    await conn.execute(BATCH_DONE, migration.number, page["cursor"], page["rows"])
                return page
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError, asyncpg.SerializationError):
            await asyncio.sleep(min(_LONGEST_PAUSE, 0.1 * 2**attempt))
    raise UsageError(
        f"{migration.file_name}: rows of {step.label} stayed locked through {_TRIES} tries; "
        "end the transactions that hold them, then run this again"
    )
