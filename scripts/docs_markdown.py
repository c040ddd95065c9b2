"""Rewrites pages for Python-Markdown, which needs four spaces for each level of a list."""

from __future__ import annotations

import re
from typing import NamedTuple

_ITEM = re.compile(r" *(?:[-*]|\d+\.) +(?=\S)")
_FENCE = re.compile(r" *(```+)")
_MARK = re.compile(r" *<!-- (?:not )?run: [^\n]* -->$")
_WIDTH = 4


class _Level(NamedTuple):
    """An item that the next lines may belong to: their indentation, and where they begin."""

    indent: int
    begin: int


def for_site(markdown: str) -> str:
    """With four spaces for each level of a list, blank lines around code, and without the marks of commands."""
    lines: list[str] = []
    levels: list[_Level] = []
    fence = ""
    for line in markdown.splitlines():
        mark = _FENCE.match(line)
        if fence:
            lines.append(_moved(line, levels))
            if mark and mark[1] == fence:
                fence = ""
                lines.append("")
            continue
        if _MARK.match(line):
            continue
        if _leave(levels, line, lines):
            lines.append("")
        if mark:
            fence = mark[1]
            lines.append("")
        lines.append(_moved(line, levels))
        if item := _ITEM.match(line):
            levels.append(_Level(len(item[0]), len(lines)))
    return "\n".join(lines) + "\n"


def _leave(levels: list[_Level], line: str, lines: list[str]) -> bool:
    """Forget the items that the line no longer belongs to; whether one of them has several parts."""
    indent = len(line) - len(line.lstrip())
    parts = False
    while line.strip() and levels and indent < levels[-1].indent:
        parts |= "" in lines[levels.pop().begin :]
    return parts


def _moved(line: str, levels: list[_Level]) -> str:
    return " " * _WIDTH * len(levels) + line[levels[-1].indent :] if levels and line.strip() else line
