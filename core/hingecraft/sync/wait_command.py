"""`hingecraft wait --now`: end when every pod serves what is committed."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys

from hingecraft import process
from hingecraft.cli import EXIT_FAILED, EXIT_OK, Command
from hingecraft.db.connection import Database
from hingecraft.errors import ConflictError, DatabaseUnavailableError
from hingecraft.routes import served
from hingecraft.routes import service as routes
from hingecraft.routes.served import Reach
from hingecraft.settings import DatabaseSettings, load


class WaitSettings(DatabaseSettings):
    """The settings of `hingecraft wait`."""


def _version(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a version such as 12")
    return int(text)


def _seconds(text: str) -> float:
    digits = text.removesuffix("s")
    if not digits.isdecimal() or int(digits) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds such as 30s")
    return float(digits)


def _arguments(parser: argparse.ArgumentParser) -> None:
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--version", type=_version, metavar="N", help="wait for this version or a newer one")
    which.add_argument("--now", action="store_true", help="wait for everything that is committed now")
    parser.add_argument("--timeout", type=_seconds, default=30.0, metavar="SECONDS", help="how long (default: 30s)")


async def _wait(settings: WaitSettings, wanted: int | None, within: float) -> tuple[int, Reach]:
    database = Database(settings.database_url, application="hingecraft-wait", largest=1)
    try:
        version = wanted or await _published(database)
        since = await served.ask(database)
        return version, await served.wait(database, version, since=since, within=within)
    finally:
        await database.close()


async def _published(database: Database) -> int:
    """The version that contains everything that is committed now."""
    publication = await routes.publish(database)
    if publication.paused:
        raise ConflictError("paused", "Publishing is paused: set paused to false in the policy first.")
    return publication.version or 0


def _sentence(version: int, reach: Reach, within: float) -> str:
    """The result: text on a terminal, JSON elsewhere."""
    if not sys.stdout.isatty():
        lagging = list(reach.lagging)
        return json.dumps({"version": version, "served": reach.has(version), "pods": reach.pods, "lagging": lagging})
    if reach.has(version):
        return f"Every pod ({reach.pods}) serves version {version} or a newer one."
    if reach.pods == 0:
        return f"No engine has reported a pod within {within:.0f} s: is the operator or `hingecraft sync` running?"
    if not reach.lagging:
        newest = f"every pod ({reach.pods}) serves {reach.version}"
        return f"Version {version} was not published within {within:.0f} s: {newest}."
    return f"After {within:.0f} s these pods do not serve version {version}: {', '.join(reach.lagging)}."


def _run(arguments: argparse.Namespace) -> int:
    settings = load(WaitSettings)
    process.start_observing(settings, "wait")
    try:
        version, reach = asyncio.run(_wait(settings, arguments.version, arguments.timeout))
    except (ConflictError, DatabaseUnavailableError) as error:
        print(f"hingecraft wait: {error}", file=sys.stderr)
        return EXIT_FAILED
    print(_sentence(version, reach, arguments.timeout))
    return EXIT_OK if reach.has(version) else EXIT_FAILED


COMMAND = Command(summary="wait until every pod serves a version", run=_run, arguments=_arguments)
