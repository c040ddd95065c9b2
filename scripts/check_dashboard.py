"""Check the dashboard of the Wix app: its sizes, and that its height follows from its content only.

Wix makes the frame as high as the page. A height that depends on the window makes the frame grow for ever, or vanish.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from toolchain.page_sizes import DASHBOARD as BUILT
from toolchain.page_sizes import of_the_dashboard

FOLDER = BUILT.parent
OF_THE_WINDOW = re.compile(
    r"\d(?:[dsl]?v(?:h|b|min|max))\b|(?<!line)(?<!line-)(?:height|block-?size)['\"]?\s*:\s*['\"]?100%", re.IGNORECASE
)
ELSEWHERE = re.compile(r"url\(\s*['\"]?(?:https?:)?//[^)]*\)")


def main() -> int:
    sizes = of_the_dashboard()
    print("\n".join(map(str, sizes)))
    found = [*heights(FOLDER / "src"), *(f"too large: {size}" for size in sizes if size.is_over), *addresses(BUILT)]
    print("\n".join(found))
    return 1 if found else 0


def heights(folder: Path) -> Iterator[str]:
    """The places that depend on the height of the window."""
    for file in sorted(each for each in folder.rglob("*") if each.suffix in {".css", ".ts", ".tsx"}):
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            if hit := OF_THE_WINDOW.search(line):
                yield f"{file.name}:{number}: {hit[0]!r} depends on the window's height, which Wix sets to the page's"


def addresses(built: Path) -> Iterator[str]:
    """The files of other servers that a style would load, which the page's policy forbids."""
    for file in (built / "assets").glob("*.css"):
        for hit in ELSEWHERE.findall(file.read_text(encoding="utf-8")):
            yield f"{file.name}: {hit} is on another server"


if __name__ == "__main__":
    sys.exit(main())
