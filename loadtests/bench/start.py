"""How long a developer waits: for the list of commands, and for `make dev`, in a new clone and later."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure, say

from hingecraft_sandbox.dev.ports import Ports
from support.dev import free_ports
from support.folders import open_folder

ROOT = Path(__file__).parents[2]
STARTS = 3
RUNS = 15
# `make dev` installs no tools for tests, of which Sentry's SDK imports one where it finds it.
AS_INSTALLED = {**os.environ, "PYTHONPATH": str(Path(__file__).parent / "absent")}
IMPORTED = (
    "hingecraft_sandbox.dev.product",
    "hingecraft_sandbox.command",
    "hingecraft_api.command",
    "hingecraft_api.command",
)
READY = re.compile(r"ready in ([\d.]+) s")


def run() -> Iterator[Figure]:
    nothing, listed = (
        min(_seconds(*command) for _ in range(RUNS)) for command in (["-c", "pass"], ["-m", "hingecraft", "--help"])
    )
    say(f"python -c pass: {nothing * 1000:.0f} ms, hingecraft --help: {listed * 1000:.0f} ms (best of {RUNS})")
    yield Figure("hingecraft --help, beyond what Python itself takes", (listed - nothing) * 1000, 150, unit=" ms")
    yield Figure("set-up of make dev in a new clone, with empty caches", _set_up(), 60, unit=" s")
    with open_folder() as folder:
        ports = free_ports()
        say(f"first start, with an empty folder: {_ready_after(folder, ports):.1f} s")
        starts, imports = [], []
        for _ in range(STARTS):
            imports.append(_imported_side_by_side())
            starts.append(_ready_after(folder, ports))
    say(f"imports side by side: {_listed(imports)} s; warm starts: {_listed(starts)} s")
    # This ratio holds on a busy machine as well.
    yield Figure("warm start of make dev, against its imports side by side", min(starts) / min(imports), 1.5)
    yield Figure("warm start of make dev (best)", min(starts), 1.5, unit=" s")


def _listed(seconds: list[float]) -> str:
    return ", ".join(f"{each:.1f}" for each in sorted(seconds))


def _imported_side_by_side() -> float:
    """The seconds that four processes take to import their modules, and nothing else: make dev imports them once."""
    started = time.monotonic()
    commands = [[sys.executable, "-c", f"import {name}"] for name in IMPORTED]
    # In sessions of their own, as make dev starts its processes: the kernel may share its time among sessions.
    processes = [subprocess.Popen(command, env=AS_INSTALLED, start_new_session=True) for command in commands]
    for process in processes:
        process.wait()
    return time.monotonic() - started


def _seconds(*arguments: str) -> float:
    started = time.monotonic()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - started


def _set_up() -> float:
    """The seconds of what `make dev` does before it starts the product for the first time."""
    with open_folder() as folder:
        clone, home = folder / "clone", folder / "home"
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
        home.mkdir()
        empty = {**os.environ, "HOME": str(home), "HC_CACHE": str(folder / "cache")}
        started = time.monotonic()
        subprocess.run(["make", ".venv/runnable"], cwd=clone, env=empty, stdout=subprocess.DEVNULL, check=True)
        return time.monotonic() - started


def _ready_after(folder: Path, ports: Ports) -> float:
    """The seconds that `make dev` reports."""
    where = ["--port", str(ports.first), "--postgres-port", str(ports.postgres)]
    command = [sys.executable, "-m", "hingecraft", "dev", *where]
    with subprocess.Popen(command, cwd=folder, env=AS_INSTALLED, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            found = next(match for line in process.stdout if (match := READY.search(line)))
            # It keeps the links; the next start should not find them half done.
            next(line for line in process.stdout if "links kept" in line)
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate()
    return float(found[1])
