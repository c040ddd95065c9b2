"""Servers that are measured: a Postgres of the benchmark's own, and processes on the core that servers have."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import psutil

from hingecraft_sandbox.postgres import Postgres, find_binaries, free_port
from support.folders import open_folder

SERVER_CORE, GENERATOR_CORE = "0", "1"


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
