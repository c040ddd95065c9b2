"""Each command in docs/ says which tests run it, or why none does; all that call our program call it correctly."""

from __future__ import annotations

import argparse
import re
import shlex
from importlib.metadata import entry_points

import pytest

from support.documented import COMMANDS, DOCS, ROOT, TIERS, Block, blocks_of, pages

PAGES = list(pages())
GENERATED = ("cli.md", "data-model.md", "metrics-and-alerts.md", "settings.md")
# Languages of blocks that are read and not run.
READ = {"text", "json", "yaml", "html", "python", "mermaid", "js"}
SPAN = re.compile(r"`(hingecraft [a-z][^`]*)`")


@pytest.mark.parametrize("page", [page for page in PAGES if page not in GENERATED])
def test_each_command_says_what_runs_it_or_why_nothing_does(page):
    assert [f"{block.place}: {problem}" for block in blocks_of(page) if (problem := problem_of(block))] == []


def problem_of(block: Block) -> str:
    """What is wrong with the mark of a block; empty: nothing."""
    if block.language not in COMMANDS:
        known = block.language in READ and not block.run_by
        return "" if known else f"{block.language or 'no language'} is none of {', '.join(COMMANDS)}, {', '.join(READ)}"
    if not block.run_by and not block.not_run_because:
        return "it needs a mark: <!-- run: whole --> or <!-- not run: why -->"
    for name in block.run_by:
        if "/" not in name and name not in TIERS:
            return f"there is no runner {name}"
        if "/" in name and block.page not in (ROOT / name).read_text():
            return f"{name} does not name {block.page}"
    return ""


def test_a_block_without_a_mark_is_found():
    unmarked = Block("x.md", 1, "sh", "", "true")
    assert "needs a mark" in problem_of(unmarked)
    assert problem_of(Block("x.md", 1, "sh", "run: whole, kube", "true")) == ""
    assert "no runner moon" in problem_of(Block("x.md", 1, "sh", "run: moon", "true"))
    assert "does not name" in problem_of(Block("x.md", 1, "sh", "run: tests/conftest.py", "true"))
    assert problem_of(Block("x.md", 1, "sh", "not run: it needs a laptop", "true")) == ""
    assert "no language" in problem_of(Block("x.md", 1, "", "", "true"))


def calls() -> dict[str, set[str]]:
    """Each call of our program in code spans and blocks, with the pages that have it."""
    found: dict[str, set[str]] = {}
    for page in PAGES:
        text = re.sub(r"\n *", " ", (DOCS / page).read_text()) if page not in GENERATED else ""
        lines = [line for block in blocks_of(page) if block.language == "sh" for line in block.text.splitlines()]
        written = [*SPAN.findall(text), *(call[1] for line in lines if (call := re.search(r"(?:^|-- |&& )(hingecraft .*)", line)))]
        for call in written:
            found.setdefault(re.split(r" *(?:[|>&;]|  #)", call.rstrip("\\").strip())[0], set()).add(page)
    return found


COMMANDS_OF_OURS = {entry.name: entry for entry in entry_points(group="hingecraft.commands")}


def test_our_program_takes_each_documented_call():
    wrong = {call: sorted(where) for call, where in calls().items() if not taken(call)}
    assert wrong == {}
    assert len(calls()) > 20


def taken(call: str) -> bool:
    """Whether it has that command with these arguments; a command's name alone speaks of it, and calls nothing."""
    _, name, *arguments = shlex.split(re.sub(r"<[^<>]+>", "x", call).replace("...", "x"))
    if name not in COMMANDS_OF_OURS:
        return False
    parser = argparse.ArgumentParser(exit_on_error=False)
    COMMANDS_OF_OURS[name].load().arguments(parser)
    if not arguments:
        return True
    try:
        parser.parse_args(arguments)
    except (SystemExit, argparse.ArgumentError):
        return False
    return True
