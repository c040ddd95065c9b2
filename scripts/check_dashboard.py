"""Check the dashboard of the Wix app: its sizes, and that its height follows from its content only.

Wix makes the frame as high as the page. A height that depends on the window makes the frame grow for ever, or vanish.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "wix/dashboard"
BUILT = FOLDER / "built"
KB = 1024
# Gzipped: what the first page loads, and what a chart adds to it.
LARGEST_START, LARGEST_CHART = 300 * KB, 120 * KB
OF_THE_WINDOW = re.compile(
    r"\d(?:[dsl]?v(?:h|b|min|max))\b|\b(?:height|block-?size)['\"]?\s*:\s*['\"]?100%", re.IGNORECASE
)
ELSEWHERE = re.compile(r"url\(\s*['\"]?(?:https?:)?//[^)]*\)")


def main() -> int:
    found = [*heights(FOLDER / "src"), *sizes(BUILT), *addresses(BUILT)]
    print("\n".join(found))
    return 1 if found else 0


def heights(folder: Path) -> Iterator[str]:
    """The places that depend on the height of the window."""
    for file in sorted(each for each in folder.rglob("*") if each.suffix in {".css", ".ts", ".tsx"}):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            if hit := OF_THE_WINDOW.search(line):
                yield f"{file.name}:{number}: {hit[0]!r} depends on the window's height, which Wix sets to the page's"


def sizes(built: Path) -> Iterator[str]:
    """The sizes that are over their limit."""
    page = (built / "index.html").read_text(encoding="utf-8")
    start = re.findall(r'(?:src|href)="/wix-dashboard/(assets/[^"]+)"', page)
    at_first = _with_imports(built, start)
    chart = _with_imports(built, [f"assets/{file.name}" for file in (built / "assets").glob("Chart-*.js")])
    for what, names, limit in (
        ("the first page", at_first, LARGEST_START),
        ("a chart", chart - at_first, LARGEST_CHART),
    ):
        size = sum(_size(built / name) for name in names)
        print(f"{what}: {size / KB:.0f} KB gzipped of {limit / KB:.0f}")
        if not names or size > limit:
            yield f"{what} has {len(names)} files and {size / KB:.0f} KB gzipped; the limit is {limit / KB:.0f} KB"


def _with_imports(built: Path, names: list[str]) -> set[str]:
    """The files and what they import before they run."""
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        if name.endswith(".js"):
            imports = re.findall(
                r"(?:import|from)\s*[\"'`]\./([^\"'`]+\.js)[\"'`]", (built / name).read_text(encoding="utf-8")
            )
            waiting += [f"assets/{each}" for each in imports]
    return found


def _size(file: Path) -> int:
    return file.with_name(file.name + ".gz").stat().st_size


def addresses(built: Path) -> Iterator[str]:
    """The files of other servers that a style would load, which the page's policy forbids."""
    for file in (built / "assets").glob("*.css"):
        for hit in ELSEWHERE.findall(file.read_text(encoding="utf-8")):
            yield f"{file.name}: {hit} is on another server"


if __name__ == "__main__":
    sys.exit(main())
