"""`make cluster`: Kubernetes on this machine, without Docker; if it is up already, this only checks it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from support.kubernetes_node.cluster import up
from support.kubernetes_node.places import INGRESS, KUBECONFIG
from toolchain.go_tools import MissingToolError


def main() -> int:
    started = time.monotonic()
    try:
        up()
    except MissingToolError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"the cluster is up after {time.monotonic() - started:.0f} s; its ingress is {INGRESS}")
    print(f"  export KUBECONFIG={KUBECONFIG}")
    print("  make cluster-down removes it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
