"""A picture of a terminal: `tmux capture-pane -ep | terminal_svg.py > docs/pictures/dev.svg`."""

from __future__ import annotations

import re
import sys
from html import escape

WIDTH, HEIGHT, MARGIN = 8.4, 18, 16
COLUMNS = 80
COLOURS = {"31": "#ff7b72", "32": "#3fb950", "33": "#d29922", "36": "#39c5cf"}
FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
PARTS = re.compile(r"\033\[([0-9;]*)m")


def spans(line: str) -> str:
    """The line's text, coloured; each part begins at its own column, whatever the width of the viewer's font."""
    drawn, column, style = [], 0, ""
    for number, part in enumerate(PARTS.split(line)):
        if number % 2:
            style = style_of(part.split(";"), style)
        elif part.strip():
            x = MARGIN + column * WIDTH
            drawn.append(f'<tspan x="{x:.1f}" textLength="{len(part) * WIDTH:.1f}"{style}>{escape(part)}</tspan>')
        column += 0 if number % 2 else len(part)
    return "".join(drawn)


def style_of(codes: list[str], style: str) -> str:
    for code in codes:
        if code in {"", "0", "39", "22"}:
            style = ""
        elif code == "1":
            style += ' font-weight="bold"'
        elif code == "2":
            style += ' opacity="0.6"'
        elif code in COLOURS:
            style += f' fill="{COLOURS[code]}"'
    return style


def svg(lines: list[str]) -> str:
    width, height = COLUMNS * WIDTH + 2 * MARGIN, len(lines) * HEIGHT + 2 * MARGIN
    texts = "".join(
        f'<text y="{MARGIN + (number + 0.75) * HEIGHT:.1f}" xml:space="preserve">{spans(line)}</text>\n'
        for number, line in enumerate(lines)
        if line.strip()
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" font-family="{escape(FONT)}" font-size="14" fill="#e6edf3">\n'
        f'<rect width="100%" height="100%" rx="8" fill="#0d1117"/>\n{texts}</svg>\n'
    )


if __name__ == "__main__":
    sys.stdout.write(svg(sys.stdin.read().rstrip("\n").split("\n")))
