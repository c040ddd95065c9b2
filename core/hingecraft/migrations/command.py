"""`hingecraft migrate`: brings the database to this version, and publishes the first routes where there are none."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

import asyncpg
from pydantic import Field

from hingecraft import process
from hingecraft.cli import EXIT_FAILED, EXIT_OK, Command
from hingecraft.db.connection import Database, connect_at_start
from hingecraft.errors import DatabaseUnavailableError
from hingecraft.migrations import privileges
from hingecraft.migrations.files import Migration, migrations_folder, read_migrations
from hingecraft.migrations.report import Report
from hingecraft.migrations.roles import GRANTS, grant_to_application, grant_to_platform
from hingecraft.migrations.runner import State, close_to_outsiders, migrate, states
from hingecraft.routes import service as routes
from hingecraft.settings import DatabaseSettings, Dsn, Secret, load


class MigrateSettings(DatabaseSettings):
    """The settings of `hingecraft migrate`."""

    migration_database_url: Dsn | None = Field(
        None, description="Postgres address for the owner of the tables; default: DATABASE_URL"
    )
    app_role: str = Field("hingecraft_app", description="the role that the application's user is a member of")


def say(line: str) -> None:
    """Print progress, for people and for the log of a Job."""
    print(line, flush=True)


async def bring_up_to_date(dsn: Secret, app_role: str, report: Report = say) -> None:
    """Migrate, grant, publish the first version: what a database needs before any pod can serve from it."""
    migrations = read_migrations(migrations_folder())
    connection = await connect_at_start(dsn, application="hingecraft-migrate", statement_timeout=None)
    try:
        applied = await migrate(connection, migrations, report)
        await grant_to_application(connection, app_role, report)
        await grant_to_platform(connection, report)
        await close_to_outsiders(connection, report)
        for line in await privileges.still_open(connection, list(GRANTS)):
            report(f"{line}, and this user may not revoke that")
    finally:
        await connection.close()
    report(f"the database is at {migrations[-1].file_name}" + ("" if applied else ": nothing to do"))
    database = Database(dsn, application="hingecraft-migrate", largest=1)
    try:
        if await routes.newest_number(database) is None:
            publication = await routes.publish(database)
            report(f"published routes version {publication.version}")
    finally:
        await database.close()


async def _show(dsn: Secret, *, dry_run: bool) -> None:
    migrations = read_migrations(migrations_folder())
    connection = await connect_at_start(dsn, application="hingecraft-migrate", statement_timeout=None)
    try:
        found = await states(connection, migrations)
        open_ = await privileges.still_open(connection, list(GRANTS))
    finally:
        await connection.close()
    for line in _plan(found) if dry_run else [*_status(found), *open_]:
        say(line)


def _status(found: Sequence[State]) -> list[str]:
    return [f"{state.migration.file_name:<40} {_progress(state)}" for state in found]


def _progress(state: State) -> str:
    if state.applied:
        return "applied"
    if state.steps_done or state.batch_rows:
        rows = f", {state.batch_rows:,} rows into the next" if state.batch_rows else ""
        return f"{state.steps_done} of {len(state.migration.steps)} steps done{rows}"
    return "missing"


def _plan(found: Sequence[State]) -> list[str]:
    lines = [line for state in found if not state.applied for line in _planned(state.migration, state.steps_done)]
    return lines or ["nothing to do"]


def _planned(migration: Migration, done: int) -> list[str]:
    steps = [f"    {step.mode:<8} {_first_words(step.sql)}" for step in migration.steps[done:]]
    return [f"would apply {migration.file_name}:", *steps]


def _first_words(sql: str) -> str:
    code = " ".join(line for line in sql.splitlines() if line and not line.startswith("--"))
    return " ".join(code.split())[:90]


async def _main(settings: MigrateSettings, arguments: argparse.Namespace) -> None:
    dsn = settings.migration_database_url or settings.database_url
    if arguments.status or arguments.dry_run:
        await _show(dsn, dry_run=arguments.dry_run)
        return
    if settings.migration_database_url is None:
        say("MIGRATION_DATABASE_URL is not set: migrating as the user of DATABASE_URL")
    await bring_up_to_date(dsn, settings.app_role)


def _run(arguments: argparse.Namespace) -> int:
    settings = load(MigrateSettings)
    process.start_observing(settings, "migrate")
    try:
        asyncio.run(_main(settings, arguments))
    except DatabaseUnavailableError as error:
        print(f"hingecraft migrate: {error}; nothing was lost, run it again", file=sys.stderr)
        return EXIT_FAILED
    except asyncpg.PostgresError as error:
        print(f"hingecraft migrate: {error}; completed steps are kept, fix this and run it again", file=sys.stderr)
        return EXIT_FAILED
    return EXIT_OK


def _arguments(parser: argparse.ArgumentParser) -> None:
    only = parser.add_mutually_exclusive_group()
    only.add_argument(
        "--status", action="store_true", help="show which migrations are applied, without changing anything"
    )
    only.add_argument("--dry-run", action="store_true", help="show what would be applied, without changing anything")


COMMAND = Command(summary="migrate the database to this version", run=_run, arguments=_arguments)
