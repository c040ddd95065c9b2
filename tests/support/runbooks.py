"""Where an alert's link into docs/runbooks leads, and what an SRE finds there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from support.documented import COMMANDS, DOCS

RUNBOOKS = DOCS / "runbooks"
# GitHub, GitLab and the site make the same anchor of such a heading.
_PLAIN = re.compile(r"[A-Za-z0-9]+( [A-Za-z0-9]+)*")
# How a section names its alert.
NAMED = re.compile(r"^Alert: `(\w+)`\.", re.MULTILINE)
_MEANING = re.compile(r"^Alert: `\w+`\. [A-Z]", re.MULTILINE)
_COMMAND = re.compile(rf"^ *```(?:{'|'.join(COMMANDS)})$", re.MULTILINE)
# What else an SRE wants to know, beside a command.
_ASKED = ("It is over when", "[Escalate](../operations.md#when-to-escalate)")
_LINK = re.compile(r"\]\(([\w.-]*)(?:#([\w-]+))?\)")


def problems(places: dict[str, str], folder: Path = RUNBOOKS) -> list[str]:
    """The errors in the places of alerts, such as `jobs.md#a-job-has-failed`; empty: each has one of its own."""
    return [f"{alert}: {problem}" for alert in places for problem in _problems_of(alert, places, folder)]


def _problems_of(alert: str, places: dict[str, str], folder: Path) -> Iterator[str]:
    place = places[alert]
    if shared := [other for other in places if other != alert and places[other] == place]:
        yield f"{place} is also the place of {', '.join(shared)}"
    found = sections(folder, place)
    if len(found) != 1:
        yield f"{place} is the place of {len(found)} sections"
        return
    if (named := NAMED.findall(found[0])) != [alert]:
        yield f"{place} is about {named or 'no alert'}"
    yield from (f"{place} does not say: {each}" for each in _ASKED if each not in found[0])
    if not _MEANING.search(found[0]):
        yield f"{place} does not say what the alert means"
    if not _has_command(found[0]) and not any(map(_has_command, _linked(folder, place, found[0]))):
        yield f"{place} has no command and no link to one"


def sections(folder: Path, place: str) -> list[str]:
    """The sections with this anchor, each with those below it; the whole page where there is no anchor."""
    page, _, anchor = place.partition("#")
    if not (folder / page).is_file():
        return []
    text = (folder / page).read_text(encoding="utf-8")
    return list(_sections(text, anchor)) if anchor else [text]


def _sections(text: str, anchor: str) -> Iterator[str]:
    lines = text.splitlines(keepends=True)
    headings = [(number, *heading) for number, heading in _headings(lines)]
    for number, level, title in headings:
        if _PLAIN.fullmatch(title) and title.lower().replace(" ", "-") == anchor:
            ends = (later for later, other, _ in headings if later > number and other <= level)
            yield "".join(lines[number : next(ends, None)])


def _headings(lines: list[str]) -> Iterator[tuple[int, tuple[int, str]]]:
    """The headings, with their lines and levels. A comment in code looks like one."""
    code = False
    for number, line in enumerate(lines):
        code ^= line.lstrip().startswith("```")
        if not code and (found := re.match(r"(#+) (.+)", line)):
            yield number, (len(found[1]), found[2])


def _has_command(section: str) -> bool:
    return bool(_COMMAND.search(section))


def _linked(folder: Path, place: str, section: str) -> Iterator[str]:
    """The sections of other runbooks, or of this one, that it links to."""
    for page, anchor in _LINK.findall(section):
        yield from sections(folder, f"{page or place.partition('#')[0]}#{anchor}")
