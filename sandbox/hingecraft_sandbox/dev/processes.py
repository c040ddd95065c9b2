"""The processes that `hingecraft dev` runs: starts, watches and restarts them."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import time
from asyncio.subprocess import DEVNULL
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, Protocol

from hingecraft.errors import UsageError

_STOP_TIMEOUT = 10.0
_CHECK_WHILE_STARTING = 0.02
_CHECK_EVERY = 0.5
_ANSWER_TIMEOUT = 2.0
# A loaded machine may answer one check too late.
_UNANSWERED = 3
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_STABLE_AFTER = 10.0
_OURS = re.compile(
    r"hingecraft (api$|sandbox --port )|hingecraft_sandbox[.]fork_server \d+$|/wix/test/site/serve[.]mjs$"
)


class State(Enum):
    """The state of a process on the screen."""

    STARTING = "starting"
    UP = "up"
    DOWN = "down"


class Process(Protocol):
    """A process as asyncio starts it, or the fork server."""

    @property
    def pid(self) -> int:
        """Its process id."""

    @property
    def returncode(self) -> int | None:
        """Its exit code, or minus the signal that ended it; None while it runs."""

    def send_signal(self, number: int, /) -> None:
        """Raises ProcessLookupError once it has ended."""

    async def wait(self) -> int:
        """Wait until it ends; returns its exit code."""


Say = Callable[[str, str], None]
# Starts a process that writes its output there.
Start = Callable[[BinaryIO], Awaitable[Process]]


@dataclass(slots=True, kw_only=True)
class Child:
    """A process that should always run. `say(name, sentence)` is called when it dies and when it is back."""

    name: str
    port: int
    health: str
    start: Start
    folder: Path
    say: Say
    state: State = State.STARTING
    _starting: asyncio.Task[Process] | None = None
    _process: Process | None = None
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _ready: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def address(self) -> str:
        """Its base URL on this machine."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """The file with its output."""
        return self.folder / f"{self.name}.log"

    @property
    def _note(self) -> Path:
        """The file with its process id, so that the next start finds it if this one is killed."""
        return self.folder / f"{self.name}.pid"

    async def run(self) -> None:
        """Keep it running until `stop`. Raises UsageError if it ends before it was ever ready."""
        pause = _SHORTEST_PAUSE
        last_said = ""
        self.log.write_bytes(b"")
        while not self._stop.is_set():
            started = time.monotonic()
            code = await self._run_once()
            if self._stop.is_set():
                return
            self.state = State.DOWN
            if not self._ready.is_set():
                raise UsageError(f"{self.name} ended with code {code}: {self.last_line()}")
            pause = _SHORTEST_PAUSE if time.monotonic() - started > _STABLE_AFTER else min(2 * pause, _LONGEST_PAUSE)
            sentence = self._how_it_ended(code)
            if sentence != last_said:
                self.say(self.name, sentence)
                last_said = sentence
            await asyncio.sleep(pause)
            self.state = State.STARTING

    async def ready(self) -> None:
        """Wait until it has answered for the first time."""
        await self._ready.wait()

    def kill(self) -> None:
        """Kill it, like a crash."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)

    async def stop(self) -> None:
        """Stop it cleanly: it finishes what it has started."""
        self._stop.set()
        if self._starting is not None:
            await asyncio.wait({self._starting})
        if self._process is not None and self._process.returncode is None:
            await self._end(self._process)
        self._note.unlink(missing_ok=True)

    @staticmethod
    async def _end(process: Process) -> None:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(_STOP_TIMEOUT):
                await process.wait()
        except TimeoutError:
            process.send_signal(signal.SIGKILL)
            await process.wait()

    def last_line(self) -> str:
        """The end of its log, or where that is."""
        lines = self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        return lines[-1] if lines else f"see {self.log}"

    async def _run_once(self) -> int:
        self._starting = asyncio.create_task(self._started())
        # A start that has been asked for cannot be taken back: `stop` waits for it.
        process = await asyncio.shield(self._starting)
        watching = asyncio.create_task(self._watch())
        try:
            return await process.wait()
        finally:
            watching.cancel()

    async def _started(self) -> Process:
        with self.log.open("ab") as output:
            self._process = await self.start(output)
        self._note.write_text(str(self._process.pid))
        return self._process

    async def _watch(self) -> None:
        since = time.monotonic()
        unanswered = 0
        while not self._stop.is_set():
            if await answers(self.health):
                unanswered = 0
                if self.state is State.STARTING and self._ready.is_set():
                    self.say(self.name, f"is up again after {time.monotonic() - since:.1f} s")
                self.state = State.UP
                self._ready.set()
            elif self.state is State.UP and not self._stop.is_set():
                unanswered += 1
                if unanswered == _UNANSWERED:
                    self.state = State.STARTING
                    since = time.monotonic()
                    self.say(self.name, "does not answer")
            await asyncio.sleep(_CHECK_EVERY if self.state is State.UP else _CHECK_WHILE_STARTING)

    def _how_it_ended(self, code: int) -> str:
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}; starting it again"
        return f"ended with code {code} ({self.last_line()}); starting it again"


def program(command: Sequence[str], environment: Mapping[str, str]) -> Start:
    """Starts a program in a session of its own: Ctrl-C is for `hingecraft dev`, which ends its processes in order."""

    async def start(output: BinaryIO) -> Process:
        return await asyncio.create_subprocess_exec(
            *command, env={**os.environ, **environment},
            stdin=DEVNULL, stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip

    return start


async def answers(url: str) -> bool:
    """Whether GET is answered with 200. Written by hand, since importing an HTTP client would delay the start."""
    address, _, path = url.removeprefix("http://").partition("/")
    host, _, port = address.partition(":")
    try:
        async with asyncio.timeout(_ANSWER_TIMEOUT):
            reader, writer = await asyncio.open_connection(host, int(port))
            try:
                writer.write(f"GET /{path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
                status = await reader.readline()
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
    return status.split(b" ")[1:2] == [str(HTTPStatus.OK.value).encode()]


def end_forgotten(folder: Path) -> None:
    """Stop processes that still hold the ports because their `hingecraft dev` was killed."""
    for note in folder.glob("*.pid"):
        pid = int(note.read_text() or 0)
        args = subprocess.run(
            ["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
        ).stdout
        if _OURS.search(args):
            os.kill(pid, signal.SIGKILL)
        note.unlink()
