"""`hingecraft dev` as its users run it: with its output in a pipe, or on a terminal of its own."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import random
import re
import signal
import socket
import subprocess
import sys
import termios
from contextlib import suppress
from pathlib import Path

from hingecraft.errors import UsageError
from hingecraft_sandbox.dev.ports import Ports

# How long nothing may be said before a test gives up: a limit on progress, not on speed.
SILENCE = 90.0
COLUMNS, ROWS = 80, 30
ESCAPES = re.compile(r"\033\[[0-9;?]*[A-Za-z]")


def free_ports() -> Ports:
    """Ports that nothing uses at this moment, so that a test does not meet somebody's own `make dev`."""
    while True:
        first = random.randrange(20_000, 32_000, 20)
        ports = Ports(first=first, postgres=first + 15)
        with suppress(UsageError):
            ports.check()
            return ports


class Dev:
    """One `hingecraft dev`; `text` is all that it has said."""

    def __init__(self, folder: Path, ports: Ports, *arguments: str) -> None:
        self.folder = folder
        self.ports = ports
        self.arguments = ("--port", str(ports.first), "--postgres-port", str(ports.postgres), *arguments)
        self.text = ""

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "hingecraft", "dev", *self.arguments]

    async def __aenter__(self) -> Dev:
        self.process = await asyncio.create_subprocess_exec(
            *self.command, cwd=self.folder, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.end()

    async def more(self) -> bool:
        """Read on; False at the end."""
        assert self.process.stdout is not None
        part = await self.process.stdout.read(4096)
        self.text += part.decode()
        return bool(part)

    async def until(self, pattern: str, after: int = 0) -> re.Match[str]:
        """Wait until it has said that, from a place in the text on; colours do not matter."""
        while True:
            found = re.search(pattern, ESCAPES.sub("", self.text[after:]))
            if found is not None:
                return found
            if not await self._more_in_time():
                raise AssertionError(f"it did not say {pattern!r}:\n{self.text}")

    async def _more_in_time(self) -> bool:
        try:
            async with asyncio.timeout(SILENCE):
                return await self.more()
        except TimeoutError:
            return False

    async def ready(self) -> None:
        await self.until("Next: |No terminal")

    async def code(self) -> int:
        """Its exit code, once it has ended by itself."""
        async with asyncio.timeout(SILENCE):
            while await self.more():
                pass
            return await self.process.wait()

    async def end(self) -> int:
        """As Ctrl-C does."""
        if self.process.returncode is None:
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGINT)
        return await self.code()

    def pods(self) -> list[int]:
        """The process ids of its pods."""
        return [int((self.folder / ".dev" / f"api-{number}.pid").read_text()) for number in (1, 2)]

    def nothing_runs(self) -> bool:
        listed = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        return str(self.folder) not in listed and not any(listens(port) for port in self.ports.all)


class DevOnTerminal(Dev):
    """The same in a terminal of 80 columns, with keys."""

    def __init__(self, folder: Path, ports: Ports, **environment: str) -> None:
        super().__init__(folder, ports)
        self.environment = environment

    async def __aenter__(self) -> DevOnTerminal:
        self.master, end = pty.openpty()
        termios.tcsetwinsize(end, (ROWS, COLUMNS))
        self.modes_before = termios.tcgetattr(end)
        self.process = await asyncio.create_subprocess_exec(
            *self.command, cwd=self.folder, stdin=end, stdout=end, stderr=end, start_new_session=True,
            env={**os.environ, "TERM": "xterm-256color", **self.environment},
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )  # fmt: skip
        # It stays open, so that what the process leaves behind can be looked at.
        self.other_end = end
        os.set_blocking(self.master, False)
        return self

    async def __aexit__(self, *exception: object) -> None:
        await super().__aexit__(*exception)
        os.close(self.other_end)
        os.close(self.master)

    async def more(self) -> bool:
        while True:
            try:
                part = os.read(self.master, 65_536)
            except BlockingIOError:
                if self.process.returncode is not None:
                    return False
                await asyncio.sleep(0.05)
            else:
                self.text += part.decode(errors="replace")
                return True

    async def press(self, key: str, pattern: str) -> re.Match[str]:
        """Press a key and wait for what it says."""
        before = len(self.text)
        os.write(self.master, key.encode())
        return await self.until(pattern, before)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
