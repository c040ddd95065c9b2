"""`make dashboard`: build the owner's dashboard at Wix, and what the widget's panel loads in Wix's editor."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support import dashboard

if __name__ == "__main__":
    dashboard.put_in_place()
