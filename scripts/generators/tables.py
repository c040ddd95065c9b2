"""Pages of Markdown, with tables."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

WRITTEN = "Written from the code by `make generate`."
_WIDTH = 100


def page(lines: Iterable[str]) -> str:
    """The lines, each a paragraph, a row or a line of code; paragraphs are wrapped."""
    written: list[str] = []
    is_code = False
    for line in lines:
        is_code ^= line.startswith("```")
        indent = "  " if line.startswith("- ") else ""
        is_prose = line and not is_code and not line.startswith("|")
        written += _wrapped(line, indent) if is_prose else [line]
    return "\n".join(written)


def _wrapped(line: str, indent: str) -> list[str]:
    return textwrap.wrap(line, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return [*lines, *(f"| {' | '.join(cell(each) for each in row)} |" for row in rows)]


def cell(text: str) -> str:
    """One line; a bar would end the cell, and a bracket outside code would begin a tag."""
    return re.sub(r"(`[^`]*`)|<", lambda found: found[1] or "&lt;", " ".join(text.split())).replace("|", "\\|")


def code(text: object) -> str:
    return f"`{text}`" if str(text) else ""
