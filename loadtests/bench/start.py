"""How long a developer waits: for the list of commands, and for `make dev` when its data are there already."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.common import Figure, say

from support.dev import free_ports
from support.folders import open_folder

STARTS = 5
RUNS = 15
READY = re.compile(r"ready in ([\d.]+) s")


def run() -> Iterator[Figure]:
    nothing, listed = (
        min(_seconds(*command) for _ in range(RUNS)) for command in (["-c", "pass"], ["-m", "hingecraft", "--help"])
    )
    say(f"python -c pass: {nothing * 1000:.0f} ms, hingecraft --help: {listed * 1000:.0f} ms (best of {RUNS})")
    yield Figure("hingecraft --help, beyond what Python itself takes", (listed - nothing) * 1000, 150, unit=" ms")
    with open_folder() as folder:
        say(f"first start, with an empty folder: {_ready_after(folder):.1f} s")
        starts = [_ready_after(folder) for _ in range(STARTS)]
    say(f"warm starts: {', '.join(f'{seconds:.1f}' for seconds in sorted(starts))} s")
    yield Figure("warm start of make dev (best)", min(starts), 1.5, unit=" s")


def _seconds(*arguments: str) -> float:
    started = time.monotonic()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - started


def _ready_after(folder: Path) -> float:
    """What `make dev` says of itself."""
    ports = free_ports()
    command = [
        sys.executable,
        "-m",
        "hingecraft",
        "dev",
        "--port",
        str(ports.first),
        "--postgres-port",
        str(ports.postgres),
    ]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            found = next(match for line in process.stdout if (match := READY.search(line)))
            # It keeps the links; the next start should not find them half done.
            next(line for line in process.stdout if "links kept" in line)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate()
    return float(found[1])
