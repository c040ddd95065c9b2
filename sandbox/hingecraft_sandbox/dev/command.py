"""`hingecraft dev`: Postgres, two API pods, the sync engine, the Wix site and the providers, on one screen."""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hingecraft.cli import EXIT_OK, Command
from hingecraft.errors import UsageError
from hingecraft_sandbox.dev.environment import data_folder
from hingecraft_sandbox.dev.ports import DEFAULT_PORT, DEFAULT_POSTGRES_PORT, Ports
from hingecraft_sandbox.dev.running import RESTARTED, run

_LOCK = "lock"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """The lock is released when the process ends in any way, so processes that still run behind it are leftovers."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / _LOCK).open("w")
    except OSError as error:
        raise UsageError(f"cannot write to {folder} ({error.strerror}): run this in a folder that you own") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(f"another `make dev` is running with the data of {folder}: stop it first") from None
        yield


def _empty(folder: Path) -> None:
    for each in folder.iterdir():
        if each.is_dir():
            shutil.rmtree(each, ignore_errors=True)
        elif each.name != _LOCK:
            each.unlink()


def _run(arguments: argparse.Namespace) -> int:
    folder = data_folder()
    with _locked(folder):
        if arguments.reset:
            _empty(folder)
        again = run(Ports(first=arguments.port, postgres=arguments.postgres_port), folder)
    if again:
        # A new process, so that it runs the code as it is now.
        os.environ[RESTARTED] = "1"
        os.execv(sys.executable, [sys.executable, *(each for each in sys.orig_argv[1:] if each != "--reset")])  # noqa: S606 - no shell
    return EXIT_OK


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reset", action="store_true", help="delete the kept data first")
    parser.add_argument(
        "--port",
        type=int,
        default=DEFAULT_PORT,
        help=f"the first pod's port ({DEFAULT_PORT}); the others follow: second pod +2, site +10, sandbox +12",
    )
    parser.add_argument(
        "--postgres-port",
        type=int,
        default=DEFAULT_POSTGRES_PORT,
        help=f"the port of Postgres ({DEFAULT_POSTGRES_PORT})",
    )


COMMAND = Command(summary="run everything on this machine, without a cluster", run=_run, arguments=_arguments)
