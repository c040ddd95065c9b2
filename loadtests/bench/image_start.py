"""The image: from starting its process in a container to an answer of /ready (as root, with buildah).

Cold means that nothing of it is in this machine's memory: what a node does that has just pulled the image.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bench.api_process import migrate
from bench.figures import Figure, say
from bench.programs import need
from bench.servers import postgres

from hingecraft.errors import UsageError
from hingecraft_sandbox.postgres import Postgres, free_port
from support.image import Builder, building
from support.processes import SECRETS

STARTS = 5
_READY_WITHIN = 20.0


def _forget_files() -> None:
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3")


def _start(builder: Builder, container: str, server: Postgres) -> float:
    """Seconds to the first answer."""
    port = free_port()
    settings = {**SECRETS, "DATABASE_URL": server.dsn(), "PORT": str(port), "INTERNAL_PORT": str(free_port())}
    started = time.monotonic()
    process = subprocess.Popen(
        builder.command(container, settings, "hingecraft", "api"),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        while True:
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=1):
                return time.monotonic() - started
            if time.monotonic() - started > _READY_WITHIN:
                raise UsageError("the image's process is not ready")
            time.sleep(0.005)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(15)


def run() -> Iterator[Figure]:
    for program in ("buildah", "debootstrap"):
        need(program, program)
    with building() as builder, postgres() as server:
        migrate(server)
        builder.build()
        container = builder.container()
        warm, cold = [], []
        for _ in range(STARTS):
            _forget_files()
            cold.append(_start(builder, container, server))
            warm.append(_start(builder, container, server))
    say(f"warm: {statistics.median(warm):.2f} s, cold: {', '.join(f'{each:.2f}' for each in cold)} s")
    yield Figure("cold start of the image to ready (median)", statistics.median(cold), 1.5, unit=" s")
    ratio = statistics.median(cold) / statistics.median(warm)
    yield Figure("cold start against a warm one of the same run", ratio, 4, unit=" times")
