"""`make bench`: each benchmark in turn; every figure is a ratio of two things measured in the same run, or a bound."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path

_ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(_ROOT / name) for name in ("loadtests", "scripts", "tests")]

from bench.figures import Figure  # noqa: E402 - found by the path above

from hingecraft.errors import UsageError  # noqa: E402 - sorted below it

BENCHMARKS = {
    "start": "the list of commands, and a warm start of make dev",
    "routes": "GET /routes for each CPU-second of the server, against nginx, Granian and Express",
    "mix": "what a pod uses for a thousand people, with GET /routes in front of aiohttp and without",
    "swaps": "the slowest GET /routes while versions are swapped in",
    "latency": "from a commit to the last pod",
    "resources": "the operator: edits, commits, fail-over, a hundred resources",
    "namespaces": "three hundred resources in thirty namespaces, one of them forbidden",
    "rebuild": "a rebuild at many payments against few",
    "writers": "what our triggers cost those who write",
    "takeover": "how long writes wait while a million rows of the earlier software are migrated",
    "recovery": "after a fault, until a commit is served; after SIGTERM, until a process has ended",
    "footprint": "memory and start of an API process",
    "image_start": "the image's start, cold and warm",
    "webhooks": "a thousand webhooks a second, answered and worked on",
    "reconcile": "ten thousand open checkouts, asked about",
    "pages": "the site's pages on a phone, and from a click to the payment page",
    "dashboard": "the owner's dashboard: sizes, the first numbers on a slow laptop, a long list that scrolls",
    "wix": "the Wix app: webhooks answered, tokens checked, a million payments exported, and read by the overview",
    "members": "tokens, verified and remembered; credits, read and spent; downloads; statistics",
    "checkouts": "our share of a checkout, and how many one core carries",
}


def main(names: list[str]) -> int:
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        print(f"there is no benchmark {', '.join(sorted(unknown))}; there are: {', '.join(BENCHMARKS)}")
        return 2
    missed = 0
    for name in names or BENCHMARKS:
        started = time.monotonic()
        print(f"\n{name}: {BENCHMARKS[name]}", flush=True)
        run: Callable[[], Iterable[Figure]] = import_module(f"bench.{name}").run
        try:
            for figure in run():
                print(f"  {figure}", flush=True)
                missed += not figure.met
        except UsageError as error:
            print(f"  {error}")
            missed += 1
        print(f"  ({time.monotonic() - started:.0f} s)")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
