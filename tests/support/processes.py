"""The product as real processes, and a network between them and Postgres that can be broken."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp

from hingecraft_sandbox.fork_server import ForkedProcess
from hingecraft_sandbox.postgres import free_port
from support import prefork
from support.limits import PROGRESS
from support.pauses import Pauses
from support.pods import ADMIN_TOKEN, PUSH_SECRET, SITE_URL, VISITOR_SECRET

SECRETS = {
    "ADMIN_TOKEN": ADMIN_TOKEN,
    "PUSH_SECRET": PUSH_SECRET,
    "VISITOR_SECRET": VISITOR_SECRET,
    "SITE_URL": SITE_URL,
}


async def run(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str, str]:
    """Run `hingecraft ARGUMENTS` until it ends: its exit code, its output and its errors."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        process = await prefork.start("hingecraft", arguments, {**os.environ, **environment}, output, errors)
        code = await process.wait()
        for written in (output, errors):
            written.seek(0)
        return code, output.read().decode(), errors.read().decode()


class HingecraftProcess:
    """One `hingecraft ...`, its log in a file."""

    module = "hingecraft"

    def __init__(self, folder: Path, name: str, *arguments: str, **environment: str) -> None:
        self.log = folder / f"{name}.log"
        self._arguments = arguments
        self._environment = {**os.environ, **SECRETS, **environment}
        self._process: asyncio.subprocess.Process | ForkedProcess | None = None
        self._ending = False

    async def start(self) -> None:
        with self.log.open("ab") as output:
            self._ending = False
            self._process = await prefork.start(self.module, self._arguments, self._environment, output, output)

    def tell(self, **environment: str) -> None:
        """Set environment variables for the next start."""
        self._environment.update(environment)

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return not self._ending and self._process is not None and self._process.returncode is None

    async def kill(self) -> None:
        self._ending = True
        with suppress(ProcessLookupError):
            self.signal(signal.SIGKILL)
        await self.wait()

    async def wait(self, within: float = PROGRESS) -> int:
        assert self._process is not None
        async with asyncio.timeout(within):
            return await self._process.wait()

    async def stop(self) -> None:
        if not self.running:
            return
        with suppress(ProcessLookupError):
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
        try:
            await self.wait()
        except TimeoutError:
            await self.kill()


class ApiProcess(HingecraftProcess):
    """A pod."""

    def __init__(self, folder: Path, name: str, dsn: str, **environment: str) -> None:
        self.port, self.internal_port = free_port(), free_port()
        super().__init__(
            folder, name, "api", **environment,
            DATABASE_URL=dsn, HOST="127.0.0.1", PORT=str(self.port), INTERNAL_PORT=str(self.internal_port),
            RATE_LIMIT_ROUTES="1000000",
        )  # fmt: skip

    @property
    def public(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def internal(self) -> str:
        return f"http://127.0.0.1:{self.internal_port}"

    async def status(self, path: str) -> int:
        """The status of a call; 0 when nobody answers."""
        try:
            async with aiohttp.ClientSession() as client, client.get(self.public + path) as response:
                return response.status
        except aiohttp.ClientError:
            return 0

    async def until(self, path: str, status: int, within: float = PROGRESS) -> None:
        """Wait for a status; what it answered last is in the error, and the end of its log."""
        seen = 0
        pauses = Pauses()
        try:
            async with asyncio.timeout(within):
                while (seen := await self.status(path)) != status:
                    await pauses.next()
        except TimeoutError:
            told = self.log.read_text(errors="replace")[-2000:]
            raise AssertionError(f"after {within} s {path} still answers {seen}, not {status}:\n{told}") from None


class Proxy:
    """Stands before Postgres; while it swallows, packets vanish and nobody is told."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.port = free_port()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._tasks: set[asyncio.Task[None]] = set()

    def swallow(self) -> None:
        self._flowing.clear()

    def heal(self) -> None:
        """Let new connections pass. Earlier ones stay dead, and what they sent is lost."""
        for task in self._tasks:
            task.cancel()
        self._flowing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flowing.wait()
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        for source, target in ((reader, upstream_writer), (upstream_reader, writer)):
            task = asyncio.create_task(self._copy(source, target))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            while data := await source.read(65536):
                if not self._flowing.is_set():
                    await asyncio.Event().wait()
                target.write(data)
                await target.drain()
        target.close()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Proxy]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        try:
            yield self
        finally:
            self.heal()
            server.close()
