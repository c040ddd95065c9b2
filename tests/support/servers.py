"""Servers of other projects, as processes that tests start."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from support.limits import PROGRESS


@contextmanager
def listening(command: Sequence[str | Path], address: str, **environment: str) -> Iterator[None]:
    """A server that runs meanwhile, as soon as it accepts connections."""
    process = subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait(address, process)
        yield
    finally:
        process.terminate()
        process.wait(PROGRESS)


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    host, _, port = address.partition(":")
    until = time.monotonic() + PROGRESS
    while time.monotonic() < until and process.poll() is None:
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError(f"{process.args!r} did not start")
