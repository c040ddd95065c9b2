"""`make cluster-down`: nothing of the cluster is left on this machine."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.kubernetes_node import machine


def main() -> int:
    left = machine.give_back()
    if left:
        print("the cluster is gone, and this is not as it was before:", *left, sep="\n  ", file=sys.stderr)
        return 1
    print("the cluster is gone, and the machine is as it was")
    return 0


if __name__ == "__main__":
    sys.exit(main())
