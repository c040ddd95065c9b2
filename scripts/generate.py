"""`make generate`: what is written from the code and checked in. Tests compare the files with this."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from generators.files import FROM_DATABASE, GENERATED  # noqa: E402 - found by the path above
from toolchain import dashboard, node_js  # noqa: E402 - found by the path above

if __name__ == "__main__":
    for name, text in {**GENERATED, **FROM_DATABASE}.items():
        (ROOT / name).write_text(text(), encoding="utf-8")
        print(f"wrote {name}")
    for source, file in node_js.COMPONENTS.items():
        (node_js.WIX / "html" / file).write_text(node_js.component(source), encoding="utf-8")
        print(f"wrote wix/html/{file}")
    dashboard.CLIENT.write_text(dashboard.client(), encoding="utf-8")
    dashboard.put_in_place()
    print(f"wrote {dashboard.CLIENT.relative_to(ROOT)} and {dashboard.BUILT.relative_to(ROOT)}")
