"""Tables of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

WRITTEN = "Written from the code by `make generate`."


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    return [*lines, *(f"| {' | '.join(cell(each) for each in row)} |" for row in rows)]


def cell(text: str) -> str:
    """One line; a bar would end the cell, and a bracket outside code would begin a tag."""
    return re.sub(r"(`[^`]*`)|<", lambda found: found[1] or "&lt;", " ".join(text.split())).replace("|", "\\|")


def code(text: object) -> str:
    return f"`{text}`" if str(text) else ""
