"""`hingecraft routes diff FROM TO`: what changed from one version to another. Exit codes are those of diff."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence

from hingecraft.cli import EXIT_FAILED, EXIT_OK, EXIT_USAGE, Command
from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError, UsageError
from hingecraft.routes import store
from hingecraft.routes.differences import Routes, differences
from hingecraft.settings import DatabaseSettings, load

_NEWEST = "newest"


def _version(text: str) -> int | None:
    """None: the newest."""
    if text == _NEWEST:
        return None
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a version such as 12 nor {_NEWEST}")
    return int(text)


def _arguments(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    diff = acts.add_parser("diff", help="show what differs between two versions; exit code 1 if anything does")
    diff.add_argument("before", type=_version, metavar="FROM", help=f"version such as 12, or {_NEWEST}")
    diff.add_argument("after", type=_version, metavar="TO", help=f"version such as 13, or {_NEWEST}")


async def _differences(settings: DatabaseSettings, before: int | None, after: int | None) -> Sequence[str]:
    database = Database(settings.database_url, application="hingecraft-routes", largest=1)
    try:
        return list(differences(await _routes(database, before), await _routes(database, after)))
    finally:
        await database.close()


async def _routes(database: Database, version: int | None) -> Routes:
    async with database.connection() as conn:
        text = await store.routes_of(conn, version)
    if text is None:
        wanted = "no version has been published" if version is None else f"version {version} is not kept"
        raise UsageError(f"{wanted}: GET /admin/routes/versions lists those that are")
    routes: Routes = json.loads(text)
    return routes


def _run(arguments: argparse.Namespace) -> int:
    settings = load(DatabaseSettings)
    try:
        lines = asyncio.run(_differences(settings, arguments.before, arguments.after))
    except DatabaseUnavailableError as error:
        print(f"hingecraft routes: {error}", file=sys.stderr)
        return EXIT_USAGE
    if lines:
        print("\n".join(lines))
    return EXIT_FAILED if lines else EXIT_OK


COMMAND = Command(summary="show what differs between two versions of the routes", run=_run, arguments=_arguments)
