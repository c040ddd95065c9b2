"""Shared by the benchmarks: processes on chosen cores, wrk, and lines that report a ratio and whether it is met."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from hingecraft.errors import UsageError
from hingecraft_sandbox.postgres import Postgres, find_binaries, free_port
from support.folders import open_folder
from toolchain import debian

ROOT = Path(__file__).parents[2]
SERVER_CORE, GENERATOR_CORE = "0", "1"
CONNECTIONS = 32


@dataclass(frozen=True)
class Figure:
    """One figure that an issue asks for."""

    what: str
    value: float
    bound: float
    at_least: bool = False
    unit: str = ""

    @property
    def met(self) -> bool:
        return self.value >= self.bound if self.at_least else self.value <= self.bound

    def __str__(self) -> str:
        sign = ">=" if self.at_least else "<="
        return f"{'ok' if self.met else 'MISSED':<7} {self.what}: {self.value:.3g}{self.unit} ({sign} {self.bound:g})"


def say(line: str) -> None:
    print(f"        {line}", flush=True)


def need(program: str, package: str) -> str:
    """The path of a program, installed from Debian's packages where we may."""
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if path is None:
        debian.install([package])
        path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if path is None:
        raise UsageError(f"not run: {program} is missing (apt-get install {package})")
    return path


@contextmanager
def server_on_its_core(command: Sequence[str], **environment: str) -> Iterator[psutil.Process]:
    """A server process on one core, ended afterwards with its children."""
    started = subprocess.Popen(
        ["taskset", "-c", SERVER_CORE, *command],
        env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    process = psutil.Process(started.pid)
    try:
        yield process
    finally:
        for each in (*process.children(recursive=True), process):
            each.terminate()
        started.wait(15)


def cpu_seconds(process: psutil.Process) -> float:
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(part.user + part.system for part in times)


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


@contextmanager
def postgres(**settings: str) -> Iterator[Postgres]:
    """A Postgres of the benchmark's own."""
    with open_folder() as folder:
        server = Postgres(folder=folder / "postgres", binaries=find_binaries(), port=free_port(), settings=settings)
        server.start()
        try:
            yield server
        finally:
            server.stop(immediately=True)


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
