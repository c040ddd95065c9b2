"""`hingecraft psql`: a shell in the database of `make dev`, with the psql that comes with the embedded Postgres."""

from __future__ import annotations

import argparse
import os
import socket
from urllib.parse import urlsplit

from dotenv import dotenv_values

from hingecraft.cli import Command
from hingecraft.errors import UsageError
from hingecraft_sandbox.dev.environment import FILE, data_folder
from hingecraft_sandbox.postgres import find_binaries


def _dsn() -> str:
    """Always the database of `make dev`: a DATABASE_URL in the shell may be a real one."""
    kept = dotenv_values(data_folder() / FILE).get("DATABASE_URL")
    address = urlsplit(kept or "")
    with socket.socket() as probe:
        if not kept or probe.connect_ex((address.hostname or "", address.port or 0)) != 0:
            raise UsageError("`make dev` is not running in this folder: start it first")
    return kept


def _run(arguments: argparse.Namespace) -> int:
    psql = str(find_binaries().folder / "psql")
    command = ("--command", arguments.sql) if arguments.sql else ()
    # This process becomes psql, so that signals and the exit code are psql's own.
    os.execv(psql, [psql, "--set=ON_ERROR_STOP=1", *command, _dsn()])  # noqa: S606 - no shell is needed


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-c", dest="sql", metavar="SQL", help="run this statement and exit, instead of opening a shell")


COMMAND = Command(summary="open a psql shell in the database of make dev", run=_run, arguments=_arguments)
