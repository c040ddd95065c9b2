"""Two API pods as processes of their own, as they would be in a cluster."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hingecraft.errors import OperatorError

_STOP_TIMEOUT = 10.0


@dataclass(slots=True, kw_only=True)
class PodProcess:
    """One of them."""

    name: str
    port: int
    internal_port: int
    log: Path
    process: Process

    async def ended(self) -> None:
        """Wait until it ends; in `hingecraft dev` that is never right."""
        code = await self.process.wait()
        lines = self.log.read_text(errors="replace").strip().splitlines()
        raise OperatorError(f"{self.name} ended with code {code}: {lines[-1] if lines else f'see {self.log}'}")

    async def stop(self) -> None:
        """Let it drain, then end it."""
        if self.process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_TIMEOUT):
                await self.process.wait()
        except TimeoutError:
            self.process.kill()
            await self.process.wait()


def end_forgotten(folder: Path) -> None:
    """Pods whose `hingecraft dev` was killed still run, and hold the ports."""
    for note in folder.glob("api-*.pid"):
        pid = int(note.read_text() or 0)
        args = subprocess.run(["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
        if args.strip().endswith("hingecraft api"):
            os.kill(pid, signal.SIGKILL)
        note.unlink()


async def start_pod(number: int, *, port: int, folder: Path, environment: Mapping[str, str]) -> PodProcess:
    """Start `hingecraft api` with its own two ports; its log goes to a file."""
    log = folder / f"api-{number}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "hingecraft",
            "api",
            env={**os.environ, **environment, "HOST": "127.0.0.1", "PORT": str(port), "INTERNAL_PORT": str(port + 1)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C is for `hingecraft dev`, which then ends its pods in order.
            start_new_session=True,
        )
    (folder / f"api-{number}.pid").write_text(str(process.pid))
    return PodProcess(name=f"API pod {number}", port=port, internal_port=port + 1, log=log, process=process)
