"""The docs lead somewhere: links, anchors, pictures and commands exist."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import textwrap
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGES = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
    cwd=ROOT, capture_output=True, text=True, check=True,
).stdout.split()  # fmt: skip
LINK = re.compile(r"\]\(<?([^)\s>]+)>?\)|<img [^>]*src=\"([^\"]+)\"")
CODE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The headings, as GitHub turns them into anchors."""
    headings = re.findall(r"^#+ (.+)$", CODE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_to_a_file_and_to_a_heading(name):
    page = ROOT / name
    broken = []
    for found in LINK.finditer(CODE.sub("", page.read_text())):
        link = found[1] or found[2]
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / unquote(path)).resolve() if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("name", PAGES)
def test_every_link_says_where_it_leads_and_not_only_a_file_name(name):
    text = CODE.sub("", (ROOT / name).read_text())
    assert re.findall(r"\[([^\s\[\]]+\.md)\]\(", text) == []


def parse_shell(code: str) -> None:
    subprocess.run(["bash", "-n"], input=code, capture_output=True, text=True, check=True)


PARSERS: dict[str, Callable[[str], object]] = {
    "json": json.loads, "yaml": lambda code: list(yaml.safe_load_all(code)), "python": ast.parse,
    "sh": parse_shell, "bash": parse_shell,
}  # fmt: skip
FENCED = re.compile(r"^[ ]*```(\w+)\n(.*?)^[ ]*```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("name", PAGES)
def test_every_block_of_code_parses(name):
    for language, code in FENCED.findall((ROOT / name).read_text()):
        if language in PARSERS:
            PARSERS[language](textwrap.dedent(code))


@pytest.mark.parametrize("name", PAGES)
def test_every_test_that_is_named_exists(name):
    for file, test in re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / name).read_text()):
        assert (ROOT / file).exists(), file
        assert not test or f"def {test}(" in (ROOT / file).read_text(), f"{file}::{test}"
    for file in re.findall(r"`(wix/test/[\w/.-]+)`", (ROOT / name).read_text()):
        assert (ROOT / file).exists(), file


def test_no_two_decisions_have_one_number():
    numbers = [page.name[:4] for page in (ROOT / "docs" / "decisions").glob("*.md")]
    assert len(numbers) == len(set(numbers))
    for page in (ROOT / "docs" / "decisions").glob("*.md"):
        assert page.read_text().startswith(f"# {int(page.name[:4])}. "), page.name


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_command_that_a_newcomer_is_told_exists(name):
    text = (ROOT / name).read_text()
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)\b(?=[`\s&|(]| [A-Z])", "\n".join(code_of(text)))) <= targets
    commands = {entry.name for entry in entry_points(group="hingecraft.commands")}
    assert set(re.findall(r"hingecraft ([a-z]+)", "\n".join(code_of(text)))) <= commands


def code_of(text: str) -> list[str]:
    return [*CODE.findall(text), *re.findall(r"`[^`\n]+`", CODE.sub("", text))]


def test_the_readme_fits_two_pages():
    shown = re.sub(r"<!--.*?-->", "", (ROOT / "README.md").read_text())
    assert len(shown.split()) < 900
