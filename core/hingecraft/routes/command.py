"""`hingecraft routes`: the versions that are kept, and what changed from one to another.

The exit codes of `diff` are those of the program diff.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC
from typing import Any

from hingecraft.cli import EXIT_FAILED, EXIT_OK, EXIT_USAGE, Command
from hingecraft.db.connection import Database
from hingecraft.errors import DatabaseUnavailableError, UsageError
from hingecraft.routes import service, store
from hingecraft.routes.differences import Routes, differences
from hingecraft.settings import DatabaseSettings, load

_NEWEST = "newest"
# Of Postgres' bigint.
_HIGHEST = 2**63 - 1
_HISTORY = "{:>8}  {:<20}  {:>10}  {:<12}  {}"


def _version(text: str) -> int | None:
    """The number of a version; None for `newest`."""
    if text == _NEWEST:
        return None
    if not text.isdecimal() or not 0 < int(text) <= _HIGHEST:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a version such as 12 nor {_NEWEST}")
    return int(text)


def _arguments(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    diff = acts.add_parser("diff", help="show what differs between two versions; exit code 1 if anything does")
    diff.set_defaults(work=_differences)
    diff.add_argument("before", type=_version, metavar="FROM", help=f"version such as 12, or {_NEWEST}")
    diff.add_argument("after", type=_version, metavar="TO", help=f"version such as 13, or {_NEWEST}")
    history = acts.add_parser("history", help="list the versions that are kept, the newest first")
    history.set_defaults(work=_history)
    history.add_argument("--limit", type=_count, default=20, metavar="N", help="how many (default: 20)")


def _count(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= store.KEPT_VERSIONS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {store.KEPT_VERSIONS}")
    return int(text)


async def _differences(database: Database, arguments: argparse.Namespace) -> tuple[Sequence[str], int]:
    before, after = await _routes(database, arguments.before), await _routes(database, arguments.after)
    lines = list(differences(before, after))
    return lines, EXIT_FAILED if lines else EXIT_OK


async def _routes(database: Database, version: int | None) -> Routes:
    async with database.connection() as conn:
        text = await store.routes_of(conn, version)
    if text is None:
        wanted = "no version has been published" if version is None else f"version {version} is not kept"
        raise UsageError(f"{wanted}: hingecraft routes history lists those that are")
    routes: Routes = json.loads(text)
    return routes


async def _history(database: Database, arguments: argparse.Namespace) -> tuple[Sequence[str], int]:
    rows, _ = await service.versions(database, before=None, limit=arguments.limit)
    return list(_history_lines(rows)), EXIT_OK


def _history_lines(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield _HISTORY.format("VERSION", "PUBLISHED", "CURRENCIES", "CHECKSUM", "NOTE")
    for row in rows:
        note = f"the routes of version {row['restored_from']} again" if row["restored_from"] else ""
        published = row["generated_at"].astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        yield _HISTORY.format(row["version"], published, row["route_count"], row["checksum"][:12], note).rstrip()


async def _lines(settings: DatabaseSettings, arguments: argparse.Namespace) -> tuple[Sequence[str], int]:
    database = Database(settings.database_url, application="hingecraft-routes", largest=1)
    try:
        lines, code = await arguments.work(database, arguments)
        return lines, code
    finally:
        await database.close()


def _run(arguments: argparse.Namespace) -> int:
    settings = load(DatabaseSettings)
    try:
        lines, code = asyncio.run(_lines(settings, arguments))
    except DatabaseUnavailableError as error:
        print(f"hingecraft routes: {error}", file=sys.stderr)
        return EXIT_USAGE
    if lines:
        print("\n".join(lines))
    return code


COMMAND = Command(
    summary="list the versions of the routes, or show what differs between two", run=_run, arguments=_arguments
)
