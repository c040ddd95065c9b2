"""docs/cli.md: every command with its arguments, from the parsers themselves."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from importlib.metadata import entry_points

from generators.settings import SETTINGS
from generators.tables import WRITTEN, code, page, table
from hingecraft.cli import Command


def document() -> str:
    lines = [*_HEAD]
    for entry in sorted(entry_points(group="hingecraft.commands"), key=lambda entry: entry.name):
        command: Command = entry.load()
        parser = argparse.ArgumentParser(prog=f"hingecraft {entry.name}", add_help=False)
        command.arguments(parser)
        lines += _section(entry.name, command.summary, parser)
    return page(lines)


def _section(name: str, summary: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    yield from (f"## hingecraft {name}", "", f"{summary[0].upper()}{summary[1:]}.", "")
    for usage, help_text, rows in _usages(parser):
        yield from ("```text", usage, "```", "")
        if help_text:
            yield from (f"{help_text[0].upper()}{help_text[1:]}.", "")
        if rows:
            yield from (*table(("argument", "meaning"), rows), "")
    read = SETTINGS.get(f"hingecraft {name}")
    if read is not None:
        required = [code(each.upper()) for each, field in read.model_fields.items() if field.is_required()]
        needs = f" It needs {', '.join(required)}." if required else ""
        yield from (f'Its settings are those with `{name}` under "read by" in [Settings](settings.md).{needs}', "")


def _usages(parser: argparse.ArgumentParser, help_text: str = "") -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """Each form of a command: a group of acts has one for each act."""
    groups = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
    for group in groups:
        said = {each.dest: each.help or "" for each in group._choices_actions}
        for name, below in group.choices.items():
            yield from _usages(below, said.get(name, ""))
    if not groups:
        shown = [each for each in parser._actions if _shown(each)]
        rows = [(_form(each), _meaning(each)) for each in shown]
        yield " ".join([parser.prog, *map(_in_usage, shown)]), help_text, rows


def _shown(action: argparse.Action) -> bool:
    return not isinstance(action, argparse._HelpAction)


def _form(action: argparse.Action) -> str:
    if not action.option_strings:
        return code(_value(action))
    value = "" if action.nargs == 0 else f" {_value(action)}"
    return ", ".join(code(f"{option}{value}") for option in action.option_strings)


def _value(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    if action.choices:
        return "{" + ",".join(map(str, action.choices)) + "}"
    return action.dest.upper() if action.option_strings else action.dest


def _in_usage(action: argparse.Action) -> str:
    value = _value(action)
    if not action.option_strings:
        return f"[{value}]" if action.nargs in {"?", "*"} else value
    form = action.option_strings[0] if action.nargs == 0 else f"{action.option_strings[0]} {value}"
    return form if action.required else f"[{form}]"


def _meaning(action: argparse.Action) -> str:
    return (action.help or "").replace("%(default)s", str(action.default)).replace("%%", "%")


_HEAD = (
    "# Commands",
    "",
    WRITTEN,
    "",
    (
        "One program, `hingecraft`, has all commands. `hingecraft COMMAND --help` prints what this page says "
        "about a command, and `hingecraft --version` prints the version."
    ),
    "",
    (
        "Exit codes: 0, done; 1, failed, or what a check looked for is not so; 2, the command was called with "
        "wrong arguments or settings, and did nothing. Errors go to the standard error output."
    ),
    "",
    (
        "In a cluster: `kubectl exec deploy/hingecraft-api -- hingecraft trail <payment id>`. With `make dev` "
        "running: `set -a; . .dev/env; set +a`, then `.venv/bin/hingecraft trail <payment id>`."
    ),
    "",
)
