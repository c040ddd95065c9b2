"""What `hingecraft dev` runs beside itself: processes of their own, as they would be elsewhere."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from hingecraft.errors import OperatorError

SANDBOX, SITE = "Sandbox", "Wix site"
_STOP_TIMEOUT = 10.0
_PROGRAM = (sys.executable, "-m", "hingecraft")
_OURS = re.compile(r"hingecraft (api$|sandbox --port )|/wix/test/site/serve[.]mjs$")


@dataclass(slots=True, kw_only=True)
class Running:
    """One of them."""

    name: str
    port: int
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
    """Processes whose `hingecraft dev` was killed still run, and hold the ports."""
    for note in folder.glob("*.pid"):
        pid = int(note.read_text() or 0)
        args = subprocess.run(
            ["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout
        if _OURS.search(args):
            os.kill(pid, signal.SIGKILL)
        note.unlink()


async def start_pod(number: int, *, port: int, folder: Path, environment: Mapping[str, str]) -> Running:
    """Start `hingecraft api` with its own two ports."""
    own = {"HOST": "127.0.0.1", "PORT": str(port), "INTERNAL_PORT": str(port + 1)}
    process, log = await start(f"api-{number}", [*_PROGRAM, "api"], folder, {**environment, **own})
    return Running(name=f"API pod {number}", port=port, log=log, process=process)


async def start_sandbox(*, port: int, folder: Path, environment: Mapping[str, str]) -> Running:
    """Start `hingecraft sandbox`; it remembers what happened, as the database does."""
    arguments = ["sandbox", "--port", str(port), "--journal", str(folder / "sandbox.jsonl")]
    process, log = await start("sandbox", [*_PROGRAM, *arguments], folder, environment)
    return Running(name=SANDBOX, port=port, log=log, process=process)


async def start(name: str, command: list[str], folder: Path, environment: Mapping[str, str]) -> tuple[Process, Path]:
    """Start a process whose log goes to a file."""
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            env={**os.environ, **environment},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            # Ctrl-C is for `hingecraft dev`, which then ends its processes in order.
            start_new_session=True,
        )
    (folder / f"{name}.pid").write_text(str(process.pid))
    return process, log
