"""`make cluster-down`: nothing of the cluster is left on this machine."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.node import machine

if __name__ == "__main__":
    machine.give_back()
    print("the cluster is gone")
