"""Starts hingecraft's commands for `hingecraft dev`: by fork, so that they need not import the product one by one."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from asyncio.subprocess import DEVNULL
from collections.abc import Mapping, Sequence
from typing import BinaryIO

from hingecraft_sandbox.dev.processes import Process, Start
from hingecraft_sandbox.fork_server import SUPPORTED, ForkServer


class Commands:
    """Starts commands with this environment in addition to that of this process."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._server = ForkServer() if SUPPORTED else None

    def load(self, name: str) -> None:
        """Import a command while other things are done."""
        if self._server is not None:
            self._server.load(name)

    def starting(self, *arguments: str, **more: str) -> Start:
        """The program that runs `hingecraft ARGUMENTS`, with more variables in its environment."""

        async def start(output: BinaryIO) -> Process:
            return await self._start(arguments, output, output, more)

        return start

    async def _start(
        self, arguments: Sequence[str], output: BinaryIO, errors: BinaryIO, more: Mapping[str, str]
    ) -> Process:
        environment = {**os.environ, **self._environment, **more}
        if self._server is not None:
            return await self._server.start("hingecraft", arguments, environment, output.fileno(), errors.fileno())
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "hingecraft", *arguments, env=environment,
            stdin=DEVNULL, stdout=output, stderr=errors, start_new_session=True,
        )  # fmt: skip

    async def said(self, *arguments: str) -> str:
        """The output of a command. Raises RuntimeError with the last line of its errors if it fails."""
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            process = await self._start(arguments, output, errors, {})
            try:
                failed = await process.wait() != 0
            finally:
                if process.returncode is None:
                    process.send_signal(signal.SIGTERM)
            written = errors if failed else output
            written.seek(0)
            text = written.read().decode(errors="replace").rstrip()
        if failed:
            raise RuntimeError(text.splitlines()[-1] if text else f"hingecraft {arguments[0]} failed")
        return text

    def stop(self) -> None:
        """End the fork server."""
        if self._server is not None:
            self._server.stop()
