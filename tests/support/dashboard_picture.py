"""A page for a look at the dashboard: its panels where Grafana puts them, with what their queries return."""

from __future__ import annotations

import html
import json
import math
import re
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

from support.helm_release import CHART

Panel = dict[str, Any]
# The labels of a series, and its values with their times.
Line = tuple[dict[str, str], list[tuple[float, float]]]
_WIDTH, _HEIGHT, _LARGEST = 600, 150, 12
_COLOURS = ("#7eb26d", "#eab839", "#6ed0e0", "#ef843c", "#e24d42", "#1f78c1", "#ba43a9", "#705da0")
_STYLE = """
body { margin: 8px; background: #111217; color: #ccccdc; font: 12px sans-serif }
main { display: grid; grid-template-columns: repeat(24, 1fr); grid-auto-rows: 30px; gap: 6px }
section { background: #181b1f; padding: 6px; overflow: hidden; display: flex; flex-direction: column }
h2 { font-size: 12px; margin: 0 0 4px } strong { font-size: 28px } svg { flex: 1; min-height: 0; width: 100% }
ul { margin: 0; padding: 0; list-style: none; display: flex; flex-wrap: wrap; gap: 0 10px }
"""


def page(ask: Callable[[str], Iterable[Line]]) -> str:
    """The page as HTML. `ask` returns what Prometheus answers to a range query, whose variables are still in it."""
    dashboard = json.loads((CHART / "dashboard.json").read_text())
    drawn = "\n".join(_panel(panel, ask) for panel in dashboard["panels"])
    title = html.escape(dashboard["title"])
    return f"<!doctype html><meta charset=utf-8><title>{title}</title><style>{_STYLE}</style><main>{drawn}</main>\n"


def _panel(panel: Panel, ask: Callable[[str], Iterable[Line]]) -> str:
    place = panel["gridPos"]
    style = f"grid-column: {place['x'] + 1} / span {place['w']}; grid-row: {place['y'] + 1} / span {place['h']}"
    lines = [
        (_legend(target, labels), _numbers(values))
        for target in panel["targets"]
        for labels, values in ask(target["expr"])
    ]
    lines = [(name, values) for name, values in lines if values][:_LARGEST]
    draw = {"stat": _stat, "timeseries": _timeseries}[panel["type"]]
    inside = draw(panel["fieldConfig"]["defaults"], lines) if lines else "No data"
    return f'<section style="{style}"><h2>{html.escape(panel["title"])}</h2>{inside}</section>'


def _legend(target: Panel, labels: dict[str, str]) -> str:
    return re.sub(r"{{(\w+)}}", lambda found: labels.get(found[1], ""), target["legendFormat"])


def _numbers(values: list[tuple[float, float]]) -> list[tuple[float, float]]:
    return [(at, value) for at, value in values if math.isfinite(value)]


def _stat(defaults: Panel, lines: list[tuple[str, list[tuple[float, float]]]]) -> str:
    value = lines[0][1][-1][1]
    steps = [step for step in defaults["thresholds"]["steps"] if step["value"] is None or value >= step["value"]]
    return f'<strong style="color: {steps[-1]["color"]}">{_with_unit(value, defaults["unit"])}</strong>'


def _timeseries(defaults: Panel, lines: list[tuple[str, list[tuple[float, float]]]]) -> str:
    times = [at for _, values in lines for at, _ in values]
    largest = max(value for _, values in lines for _, value in values) or 1
    first, span = min(times), (max(times) - min(times)) or 1

    def point(at: float, value: float) -> tuple[float, float]:
        return (at - first) / span * _WIDTH, _HEIGHT - value / largest * (_HEIGHT - 4) - 2

    paths, names = [], []
    for number, (name, values) in enumerate(lines):
        colour = _COLOURS[number % len(_COLOURS)]
        points = [point(at, value) for at, value in values]
        path = "".join(f"M{a[0]:.1f},{a[1]:.1f}L{b[0]:.1f},{b[1]:.1f}" for a, b in pairwise(points))
        dot = f'<circle cx="{points[-1][0]:.1f}" cy="{points[-1][1]:.1f}" r="3" fill="{colour}"/>'
        paths.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dot}')
        last = _with_unit(values[-1][1], defaults["unit"])
        names.append(f'<li style="color: {colour}">{html.escape(name)} {last}</li>')
    drawing = f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none">{"".join(paths)}</svg>'
    return f"<div>{_with_unit(largest, defaults['unit'])}</div>{drawing}<ul>{''.join(names)}</ul>"


def _with_unit(value: float, unit: str) -> str:
    if unit == "percentunit":
        return f"{100 * value:.4g}%"
    return f"{value:.4g}{ {'s': ' s', 'reqps': ' req/s', 'short': ''}[unit] }"
