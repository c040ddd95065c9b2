"""How large the pages are that browsers load, gzipped, and how large they may be."""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

WIX = Path(__file__).parents[2] / "wix"
DASHBOARD = WIX / "dashboard/built"
KB = 1024
# A donation page holds the texts of all languages.
_PAGES = {
    "Charter": ("charter-page-wix-ready.html", 45),
    "Mission Support": ("mission-support.html", 45),
    "the widget": ("hingecraft-donate.js", 15),
}
_PANEL, _LARGEST_PANEL = ("wix-panel.html", "../dashboard/built/panel-editor.js"), 20
_LARGEST_START, _LARGEST_CHART = 300, 120


@dataclass(frozen=True)
class Size:
    """A page with everything that it loads before it can be used."""

    what: str
    kilobytes: float
    limit: int

    def __str__(self) -> str:
        return f"{self.what}: {self.kilobytes:.1f} KB gzipped; the limit is {self.limit}"

    @property
    def is_over(self) -> bool:
        """Also where nothing was found to be measured."""
        return not 0 < self.kilobytes <= self.limit


def all_sizes() -> list[Size]:
    """The pages of visitors, and the owner's dashboard."""
    return [*of_visitors(), *of_the_dashboard()]


def of_visitors() -> list[Size]:
    """The donation pages, the widget and its settings panel."""
    pages = [Size(what, _gzipped([file]), limit) for what, (file, limit) in _PAGES.items()]
    return [*pages, Size("the widget's settings panel", _gzipped(_PANEL), _LARGEST_PANEL)]


def of_the_dashboard(built: Path = DASHBOARD) -> list[Size]:
    """The size of its first page before that runs, and of what a chart adds."""
    page = (built / "index.html").read_text(encoding="utf-8")
    start = _with_imports(built, re.findall(r'(?:src|href)="/wix-dashboard/([^"]+)"', page))
    chart = _with_imports(built, [f"assets/{file.name}" for file in (built / "assets").glob("Chart-*.js")]) - start
    return [
        Size("the dashboard's first page", _kept(built, start), _LARGEST_START),
        Size("its chart", _kept(built, chart), _LARGEST_CHART),
    ]


def _gzipped(files: Sequence[str]) -> float:
    return sum(len(gzip.compress((WIX / "html" / file).read_bytes(), mtime=0)) for file in files) / KB


def _kept(built: Path, names: set[str]) -> float:
    return sum((built / f"{name}.gz").stat().st_size for name in names) / KB


def _with_imports(built: Path, names: list[str]) -> set[str]:
    """The files and what they import before they run."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        if name.startswith("assets/") and name.endswith(".js"):
            imports = re.findall(
                r"(?:import|from)\s*[\"'`]\./([^\"'`]+\.js)[\"'`]", (built / name).read_text(encoding="utf-8")
            )
            waiting += [f"assets/{each}" for each in imports]
    return found
