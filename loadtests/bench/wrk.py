"""Load by wrk, from the core that generators have."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from bench.programs import need
from bench.servers import GENERATOR_CORE

from support.folders import open_folder

CONNECTIONS = 32


@dataclass(frozen=True)
class Load:
    """The results of one run of wrk."""

    requests: int
    failures: int
    p99_ms: float


def wrk(
    url: str, seconds: int, *, connections: int = CONNECTIONS, headers: Sequence[str] = (), script: str = ""
) -> Load:
    """Load from the other core, bounded in time; `script` is Lua that makes the requests."""
    extra = [part for header in headers for part in ("-H", header)]
    with open_folder() as folder:
        if script:
            (folder / "requests.lua").write_text(script)
            extra += ["-s", str(folder / "requests.lua")]
        done = subprocess.run(
            ["taskset", "-c", GENERATOR_CORE, need("wrk", "wrk"), "-t1", f"-c{connections}", f"-d{seconds}s",
             "--latency", *extra, url],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    requests = int(re.search(r"(\d+) requests in", done.stdout)[1])  # type: ignore[index]
    p99, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", done.stdout).groups()  # type: ignore[union-attr]
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", done.stdout)
    errors = re.search(r"Socket errors: .*", done.stdout)
    failures = (int(failed[1]) if failed else 0) + (sum(map(int, re.findall(r"\d+", errors[0]))) if errors else 0)
    return Load(requests, failures, float(p99) * {"us": 0.001, "ms": 1.0, "s": 1000.0}[unit])
