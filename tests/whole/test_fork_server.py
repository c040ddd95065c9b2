"""The fork server: what it starts is the command that a new interpreter would run."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

from hingecraft_sandbox.fork_server import ForkedProcess, ForkServer
from support.limits import PROGRESS

# `import program` gives the module that the server has imported, or a new one in a new interpreter.
PROGRAM = """
import os, signal, sys
import program
imported_by = os.getpid()
if __name__ == "__main__":
    print("TEXT", "forked" if program.imported_by != os.getpid() else "new", *sys.argv[1:], flush=True)
    if "wait" in sys.argv:
        signal.pause()
    sys.exit(3)
"""


class Starts:
    """A program in a folder of its own, and a server that starts it."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "program.py"
        self.log = folder / "log"
        self.server = ForkServer(folder)
        self.processes: list[ForkedProcess] = []

    def write(self, text: str) -> None:
        self._file.write_text(PROGRAM.replace("TEXT", text))

    async def start(self, *arguments: str, **environment: str) -> ForkedProcess:
        with self.log.open("wb") as output:
            process = await self.server.start(
                "program", arguments, {**os.environ, **environment}, output.fileno(), output.fileno()
            )
        self.processes.append(process)
        return process

    async def waiting(self) -> ForkedProcess:
        """A process that has said its line, and goes on."""
        process = await self.start("wait")
        async with asyncio.timeout(PROGRESS):
            while "wait" not in self.log.read_text():
                await asyncio.sleep(0.01)
        return process

    async def said(self, *arguments: str, **environment: str) -> str:
        process = await self.start(*arguments, **environment)
        assert await process.wait() == 3, self.log.read_text()
        return self.log.read_text().strip()


@pytest.fixture
def starts(tmp_path):
    made = Starts(tmp_path)
    made.write("first")
    yield made
    for process in made.processes:
        with suppress(ProcessLookupError):
            process.send_signal(signal.SIGKILL)
    made.server.stop()


async def test_a_command_is_imported_once_and_runs_with_its_own_arguments_and_output(starts):
    assert await starts.said("a") == "first forked a"
    assert await starts.said("b", HOST="x") == "first forked b"


async def test_code_that_has_changed_is_what_the_next_start_runs(starts):
    assert await starts.said() == "first forked"
    starts.write("second")
    assert await starts.said() == "second new"


async def test_code_that_cannot_be_imported_says_so_in_its_own_output_and_can_be_mended(starts):
    starts.write('" + nothing + "')
    process = await starts.start()
    assert await process.wait() == 1
    assert "NameError: name 'nothing'" in starts.log.read_text()
    starts.write("mended")
    assert await starts.said() == "mended new"


async def test_an_environment_that_imports_depend_on_takes_a_new_interpreter(starts):
    assert await starts.said() == "first forked"
    assert await starts.said(SSL_CERT_FILE="/a/file") == "first new"
    assert await starts.said() == "first forked"


async def test_a_process_can_be_killed_and_interrupted(starts):
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
        process = await starts.waiting()
        process.send_signal(number)
        assert await process.wait() == -number
        with pytest.raises(ProcessLookupError):
            process.send_signal(number)


async def test_when_the_server_was_killed_its_processes_go_on_and_the_next_start_has_another(starts):
    running = await starts.waiting()
    parents = [int(Path(f"/proc/{running.pid}/stat").read_text().rpartition(")")[2].split()[1])]
    parents.append(int(Path(f"/proc/{parents[0]}/stat").read_text().rpartition(")")[2].split()[1]))
    os.kill(parents[1], signal.SIGKILL)
    assert (await starts.said(), running.returncode) == ("first forked", None)
    running.send_signal(signal.SIGTERM)
    assert await running.wait() == -signal.SIGTERM
