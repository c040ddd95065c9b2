"""One program, `hingecraft`. Its commands are found through entry points, so that core knows none of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec

from hingecraft import __version__
from hingecraft.errors import OperatorError

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2

_GROUP = "hingecraft.commands"


@dataclass(frozen=True, kw_only=True)
class Command:
    """What an entry point of the group `hingecraft.commands` names."""

    summary: str
    run: Callable[[argparse.Namespace], int]
    arguments: Callable[[argparse.ArgumentParser], None] = lambda _parser: None


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; exit code 0 done, 1 failed, 2 not started because what it was told is wrong."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    found = {entry.name: entry for entry in entry_points(group=_GROUP) if _is_here(entry)}
    parser = argparse.ArgumentParser(prog="hingecraft", description="Payment routing served from memory.")
    parser.add_argument("--version", action="version", version=f"hingecraft {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in _to_load(arguments, found):
        command: Command = found[name].load()
        sub = commands.add_parser(name, help=command.summary, description=command.summary)
        command.arguments(sub)
        sub.set_defaults(run=command.run)
    parsed = parser.parse_args(arguments)
    try:
        code: int = parsed.run(parsed)
    except OperatorError as error:
        print(f"hingecraft {parsed.command}: {error}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        return EXIT_FAILED
    return code


def _is_here(entry: EntryPoint) -> bool:
    """The image has no sandbox, and so none of its commands."""
    return find_spec(entry.module.partition(".")[0]) is not None


def _to_load(arguments: Sequence[str], found: dict[str, EntryPoint]) -> list[str]:
    """Load just the command that is called: importing the others would cost a pod its quick start."""
    called = arguments[0] if arguments else ""
    return [called] if called in found else sorted(found)
