"""`make generate`: what is written from the code and checked in. Tests compare the files with this."""

from __future__ import annotations

from pathlib import Path

from support import node_js
from support.generated import GENERATED

ROOT = Path(__file__).parents[1]

if __name__ == "__main__":
    for name, text in GENERATED.items():
        (ROOT / name).write_text(text(), encoding="utf-8")
        print(f"wrote {name}")
    for source, file in node_js.COMPONENTS.items():
        (node_js.WIX / "html" / file).write_text(node_js.component(source), encoding="utf-8")
        print(f"wrote wix/html/{file}")
