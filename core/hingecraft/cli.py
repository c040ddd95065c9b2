"""One program, `hingecraft`. Its commands are found through entry points, so that core knows none of them."""

from __future__ import annotations

import argparse
import gc
import os
import re
import select
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.abc import InspectLoader
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec

from hingecraft import __version__
from hingecraft.errors import UsageError

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2

_GROUP = "hingecraft.commands"
# The last statement of a command's module. Its summary is read from the source, which takes no import.
_SUMMARY = re.compile(r"""^COMMAND = Command\(\s*summary="([^"\\]+)",""", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Command:
    """A command: the object that an entry point of the group `hingecraft.commands` names."""

    summary: str
    run: Callable[[argparse.Namespace], int]
    arguments: Callable[[argparse.ArgumentParser], None] = lambda _parser: None


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one check that a command makes, with what was found or what to do about it."""

    what: str
    good: bool
    note: str

    def line(self, width: int) -> str:
        """A line for people; `width` is that of the longest name."""
        return f"{'ok' if self.good else 'FAILED':<7} {self.what:<{width}} {self.note}"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Exit code 0: done, 1: failed, 2: not started because of a usage error."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    found = {entry.name: entry for entry in entry_points(group=_GROUP) if _is_here(entry)}
    parser = argparse.ArgumentParser(prog="hingecraft", description="Donations for a Wix site, by card and in crypto.")
    parser.add_argument("--version", action="version", version=f"hingecraft {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    called = next((each for each in arguments if not each.startswith("-")), "")
    if called in found:
        command = _loaded(found[called])
        sub = commands.add_parser(called, help=command.summary, description=command.summary)
        command.arguments(sub)
        sub.set_defaults(run=command.run)
    else:
        for name in sorted(found):
            commands.add_parser(name, help=summary_of(found[name]))
    parsed = parser.parse_args(arguments)
    try:
        code: int = parsed.run(parsed)
        sys.stdout.flush()
    except UsageError as error:
        print(f"hingecraft {parsed.command}: {error}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        return EXIT_FAILED
    except BrokenPipeError:
        if not _reader_has_ended():
            raise
        return EXIT_FAILED
    return code


def _reader_has_ended() -> bool:
    """Whether nobody reads the output any more, as in `hingecraft routes history | head`. Then drop the rest of it."""
    pipe = select.poll()
    # An error of a pipe is reported whatever is asked for.
    pipe.register(sys.stdout, 0)
    if not pipe.poll(0):
        return False
    # Else Python would try once more at the end, and complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return True


def _loaded(entry: EntryPoint) -> Command:
    """Import a command, without garbage collection: it finds nothing to free and takes a tenth of the time."""
    gc.disable()
    try:
        command: Command = entry.load()
    finally:
        gc.enable()
    return command


def _is_here(entry: EntryPoint) -> bool:
    """Whether the package is installed: the image has no sandbox."""
    return find_spec(entry.module.partition(".")[0]) is not None


def summary_of(entry: EntryPoint) -> str:
    """One line about a command, for the list of all: importing them all would take seconds."""
    spec = find_spec(entry.module)
    source = spec.loader.get_source(entry.module) if spec and isinstance(spec.loader, InspectLoader) else None
    written = _SUMMARY.search(source or "")
    if written is not None:
        return written[1]
    command: Command = entry.load()
    return command.summary
