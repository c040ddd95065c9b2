"""Starts commands as processes of their own, without importing the product again for each.

One process, the fork server, imports a command once, and every start of that command is a fork of it, with its own
session, environment and outputs. What runs is `python -m hingecraft ...`, from its first line to its exit code, and it
can be killed like any process. An import of the product takes 1 to 2 s of CPU.

A fork has the code as it was imported. Once a source file has changed, or where the environment of a command would
change what is imported, the fork becomes a new interpreter instead.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

# Elsewhere a process cannot be forked safely once it has loaded the system's libraries.
SUPPORTED = sys.platform == "linux"
_PRODUCT = "hingecraft"
# The loader of libraries, Python, TLS and aiohttp read such variables once.
_READ_BY_IMPORTS = ("LD_", "PYTHON", "SSL_CERT_", "AIOHTTP_")
_LONGEST_REQUEST = 128 * 1024


class ForkedProcess:
    """A process of the fork server, with the interface of asyncio's."""

    def __init__(self, report: int) -> None:
        self.pid = 0
        self.returncode: int | None = None
        self._report = report
        self._loop = asyncio.get_running_loop()
        self._told = self._loop.create_future(), self._loop.create_future()
        self._loop.add_reader(report, self._read)

    def _read(self) -> None:
        """The fork server writes two lines: the id of the process, and in the end its exit code."""
        lines = os.read(self._report, 100).split()
        for line in lines:
            next(each for each in self._told if not each.done()).set_result(int(line))
        if lines and not self._told[1].done():
            return
        self._loop.remove_reader(self._report)
        os.close(self._report)
        if not self._told[0].done():
            self._told[0].set_exception(EOFError("the fork server has ended"))
        if not self._told[1].done():
            self._told[1].set_result(-signal.SIGKILL)
        self.returncode = self._told[1].result()

    async def started(self) -> ForkedProcess:
        """Wait until it runs."""
        self.pid = await self._told[0]
        return self

    async def wait(self) -> int:
        """Wait until it ends; returns its exit code."""
        code: int = await asyncio.shield(self._told[1])
        return code

    def send_signal(self, number: int) -> None:
        """Raises ProcessLookupError once it has ended."""
        if self.returncode is not None:
            raise ProcessLookupError
        os.kill(self.pid, number)


def finding(folders: Sequence[str], environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a new interpreter that finds modules in these folders too."""
    path = os.pathsep.join([*folders, *filter(None, [environment.get("PYTHONPATH")])])
    return {**environment, "PYTHONPATH": path} if folders else {**environment}


class ForkServer:
    """The fork server, from its first use until `stop`.

    It finds modules in the folders of `path` too. `later` names, for a module, those that it imports when it is first
    used: they are imported at once.
    """

    def __init__(self, *path: Path, later: Mapping[str, Sequence[str]] | None = None) -> None:
        self._path = [str(each) for each in path]
        self._later = later or {}
        self._control: socket.socket | None = None
        self._server: subprocess.Popen[bytes] | None = None

    def load(self, command: str) -> None:
        """Import a command of the product, so that its start need not wait for that."""
        self._running().send(self._request(_PRODUCT, [command]))

    async def start(
        self, module: str, arguments: Sequence[str], environment: Mapping[str, str], output: int, errors: int
    ) -> ForkedProcess:
        """Run `python -m MODULE ARGUMENTS`."""
        request = self._request(module, arguments, environment=dict(environment), folder=str(Path.cwd()))
        try:
            return await self._asked(request, output, errors)
        except (EOFError, ConnectionError):
            # The fork server was killed.
            self.stop()
            return await self._asked(request, output, errors)

    async def _asked(self, request: bytes, output: int, errors: int) -> ForkedProcess:
        reading, writing = os.pipe()
        try:
            socket.send_fds(self._running(), [request], [writing, output, errors])
        finally:
            os.close(writing)
        return await ForkedProcess(reading).started()

    def _request(self, module: str, arguments: Sequence[str], **more: object) -> bytes:
        return json.dumps({"module": module, "arguments": arguments, "later": self._later, **more}).encode()

    def _running(self) -> socket.socket:
        if self._control is None:
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._server = subprocess.Popen(
                    [sys.executable, "-m", __name__, str(theirs.fileno()), *self._path],
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )
        return self._control

    def stop(self) -> None:
        """End the fork server. What it has started goes on."""
        if self._control is not None and self._server is not None:
            self._control.close()
            self._server.wait()
        self._control = self._server = None


class _Imports:
    """The commands that are imported."""

    def __init__(self) -> None:
        self._since = time.time_ns()
        self._environment = _read_by_imports(os.environ)
        self._commands: set[tuple[str, str]] = set()
        self._changed = False

    def load(self, module: str, command: str, later: Mapping[str, Sequence[str]]) -> None:
        """Import a command. One that cannot be imported is run by a new interpreter, which says why."""
        if (module, command) in self._commands or self._changed:
            return
        try:
            _import(module, command)
            for name, others in later.items():
                if name in sys.modules:
                    for other in others:
                        import_module(other)
        except Exception:  # noqa: BLE001 - the code of somebody who is at work on it
            self._changed = True
        self._commands.add((module, command))
        # Collections visit no object that is frozen, so that the forks go on sharing its memory.
        gc.freeze()

    def current(self, environment: Mapping[str, str]) -> bool:
        """Whether a new interpreter with this environment would import the same."""
        self._changed = self._changed or any(map(self._is_newer, _sources()))
        return not self._changed and _read_by_imports(environment) == self._environment

    def _is_newer(self, path: str) -> bool:
        """Compares the time of the file's last status change, which no tool can set back."""
        try:
            return os.stat(path).st_ctime_ns > self._since  # noqa: PTH116 - a Path for each of 1,500 files takes time
        except FileNotFoundError:
            return True


def _import(module: str, command: str) -> None:
    if module == _PRODUCT:
        for each in entry_points(group="hingecraft.commands", name=command):
            each.load()
    else:
        import_module(module)


def _read_by_imports(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(_READ_BY_IMPORTS)}


def _sources() -> Iterator[str]:
    """The files of all modules, and the others in the product's own folders, such as pages and SQL."""
    for name, module in list(sys.modules.items()):
        if name.startswith(_PRODUCT) and "." not in name:
            for folder in module.__path__:
                yield from _files(folder)
        elif file := getattr(module, "__file__", None):
            yield file


def _files(folder: str) -> Iterator[str]:
    for entry in os.scandir(folder):
        if entry.is_file():
            yield entry.path
        elif entry.name != "__pycache__":
            yield from _files(entry.path)


def _serve(control: socket.socket) -> None:
    """Fork for every request until the other side is closed; returns in each fork, which then is the command."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.disable()
    imports = _Imports()
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, _LONGEST_REQUEST, 3)
        _reap()
        if not message:
            os._exit(0)
        request = json.loads(message)
        imports.load(request["module"], next(iter(request["arguments"]), ""), request["later"])
        if not descriptors:
            continue
        if os.fork() == 0:
            control.close()
            _become(request, *descriptors, new=not imports.current(request["environment"]))
            return
        for descriptor in descriptors:
            os.close(descriptor)


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _become(request: Mapping[str, Any], report: int, output: int, errors: int, *, new: bool) -> None:
    """In a fork: fork again, report how that process ends, and exit. Returns only in the second fork, if at all."""
    os.dup2(output, 1)
    os.dup2(errors, 2)
    for descriptor in (output, errors):
        os.close(descriptor)
    pid = os.fork()
    if pid:
        _tell(report, pid)
    os.close(report)
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request["folder"])
    if new:
        command = [sys.executable, "-m", request["module"], *request["arguments"]]
        os.execve(sys.executable, command, finding(sys.argv[2:], request["environment"]))  # noqa: S606 - no shell
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv[1:] = request["arguments"]
    gc.enable()
    runpy.run_module(request["module"], run_name="__main__", alter_sys=True)


def _tell(report: int, pid: int) -> None:
    """Tell the process's id and, when it has ended, its exit code; then end too."""
    with suppress(BrokenPipeError):
        os.write(report, f"{pid}\n".encode())
        _, status = os.waitpid(pid, 0)
        os.write(report, f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


if __name__ == "__main__":
    sys.path[1:1] = sys.argv[2:]
    _serve(socket.socket(fileno=int(sys.argv[1])))
