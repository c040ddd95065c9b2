"""Documented commands say which tests run them, or why none does; all calls of our program are calls that it takes."""

from __future__ import annotations

import argparse
import re
import shlex
from importlib.metadata import entry_points
from typing import NoReturn

import pytest

from support.documented import COMMANDS, DOCS, ROOT, TIERS, Block, blocks_of, pages

# By their paths from docs/.
PAGES = [*pages(), "../README.md", "../CONTRIBUTING.md"]
GENERATED = ("cli.md", "data-model.md", "metrics-and-alerts.md", "settings.md")
# Languages of blocks that are read and not run.
READ = {"text", "json", "yaml", "html", "python", "mermaid", "js"}
LINE = re.compile(r"(?:^|-- |&& )(hingecraft .*)", re.MULTILINE)
ID = "3f0c1b1e-58d7-4f1c-9f6e-2b1a9d3c7e55"
SPAN = re.compile(r"`(hingecraft [a-z][^`]*)`")


@pytest.mark.parametrize("page", [page for page in PAGES if page not in GENERATED])
def test_each_command_says_what_runs_it_or_why_nothing_does(page):
    assert [f"{block.place}: {problem}" for block in blocks_of(page) if (problem := problem_of(block))] == []


def problem_of(block: Block) -> str:
    """The error in the mark of a block; empty: none."""
    if block.language not in COMMANDS:
        known = block.language in READ and not block.run_by
        return "" if known else f"{block.language or 'no language'} is none of {', '.join(COMMANDS)}, {', '.join(READ)}"
    if not block.run_by and not block.not_run_because:
        return "it needs a mark: <!-- run: whole --> or <!-- not run: why -->"
    for name in block.run_by:
        if "/" not in name and name not in TIERS:
            return f"unknown runner: {name}"
        if "/" in name and block.page not in (ROOT / name).read_text():
            return f"{name} does not name {block.page}"
    return ""


def test_a_block_without_a_mark_is_found():
    unmarked = Block("x.md", 1, "sh", "", "true")
    assert "needs a mark" in problem_of(unmarked)
    assert problem_of(Block("x.md", 1, "sh", "run: whole, kube", "true")) == ""
    assert "unknown runner: moon" in problem_of(Block("x.md", 1, "sh", "run: moon", "true"))
    assert "does not name" in problem_of(Block("x.md", 1, "sh", "run: tests/conftest.py", "true"))
    assert problem_of(Block("x.md", 1, "sh", "not run: it needs a laptop", "true")) == ""
    assert "no language" in problem_of(Block("x.md", 1, "", "", "true"))


def calls() -> dict[str, set[str]]:
    """Each call of our program in code spans and blocks, with the pages that have it."""
    found: dict[str, set[str]] = {}
    for page in PAGES:
        if page in GENERATED:
            continue
        text = re.sub(r"\n *", " ", (DOCS / page).read_text())
        scripts = "".join(block.text for block in blocks_of(page) if block.language == "sh")
        for call in (*SPAN.findall(text), *LINE.findall(scripts)):
            filled = re.sub(r"<[^<>]+>", ID, call.replace("<version>", "1")).replace("...", ID)
            found.setdefault(re.split(r" *(?:[|>&;]|  #|\\)", filled)[0], set()).add(page)
    return found


COMMANDS_OF_OURS = {entry.name: entry for entry in entry_points(group="hingecraft.commands")}


def test_our_program_takes_each_documented_call():
    wrong = {call: sorted(where) for call, where in calls().items() if not taken(call)}
    assert wrong == {}
    assert len(calls()) > 20


class RejectedError(Exception):
    """The parser rejects its arguments, with this reason."""


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise RejectedError(message)


def taken(call: str) -> bool:
    """Whether it has that command with these arguments. Words without options may lack arguments: they name it."""
    _, name, *arguments = shlex.split(call)
    if name not in COMMANDS_OF_OURS:
        return False
    parser = Parser()
    COMMANDS_OF_OURS[name].load().arguments(parser)
    try:
        parser.parse_args(arguments)
    except RejectedError as error:
        return "are required" in str(error) and all(word.isalpha() for word in arguments)
    return True


# With a selector, kubectl shows ten lines of each pod, also with --since. A Job's name is taken until it is deleted.
PITFALLS = {
    "kubectl logs -l without --tail shows ten lines": r"kubectl logs (?=[^`\n$]*-l )(?![^`\n]*--tail)",
    "a Job with this name can be made only once": r"kubectl create job --from=\S+ (?![^`\n]*\$)\S+$",
}


def pitfalls_of(text: str) -> list[str]:
    return [why for why, found in PITFALLS.items() if re.search(found, text.replace("\\\n", ""), re.MULTILINE)]


@pytest.mark.parametrize("page", [page for page in PAGES if page not in GENERATED])
def test_commands_show_everything_and_can_be_repeated(page):
    assert {block.place: found for block in blocks_of(page) if (found := pitfalls_of(block.text))} == {}
    assert pitfalls_of("\n".join(re.findall(r"`(kubectl logs[^`\n]+)`", (DOCS / page).read_text()))) == []


def test_pitfalls_are_found():
    assert len(pitfalls_of("kubectl logs -l a=b --since=1h")) == 1
    assert pitfalls_of("kubectl logs -l a=b --tail=-1\nkubectl logs job/x\nkubectl logs -l a=b \\\n --tail=9") == []
    assert len(pitfalls_of("kubectl create job --from=cronjob/x now")) == 1
    assert pitfalls_of('kubectl create job --from=cronjob/x "$JOB"') == []
