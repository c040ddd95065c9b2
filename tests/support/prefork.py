"""Starts commands as processes of their own, without importing the product again for each.

Each test worker has one parent process. It imports a command once, and every start of that command is a fork of it,
with its own session, environment and outputs. What runs is `python -m hingecraft ...`, from its first line to its exit
code, and it can be killed like any process. An import of the product takes 1 to 2 s of CPU.
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
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, BinaryIO

_PRODUCT = "hingecraft"
# Imported when first used: the transport of httpx, and services and objects of Stripe's SDK.
# In each fork that would take 0.2 s of CPU.
_IMPORTED_LATER = (
    "httpcore", "stripe._stripe_client", "stripe._v1_services", "stripe._v2_services", "stripe._object_classes",
    "stripe._account_service", "stripe._checkout_service", "stripe._event_service", "stripe._payment_link_service",
    "stripe._price_service", "stripe.checkout._session_service",
)  # fmt: skip
_LONGEST_REQUEST = 128 * 1024
_TESTS = Path(__file__).parents[1]


class ForkedProcess:
    """A process of the parent's, with the interface of asyncio's."""

    def __init__(self, report: int) -> None:
        self.pid = 0
        self.returncode: int | None = None
        self._report = report
        self._loop = asyncio.get_running_loop()
        self._told = self._loop.create_future(), self._loop.create_future()
        self._loop.add_reader(report, self._read)

    def _read(self) -> None:
        """The parent writes two lines: the id of the process, and in the end its exit code."""
        lines = os.read(self._report, 100).split()
        for line in lines:
            next(each for each in self._told if not each.done()).set_result(int(line))
        if not lines or self._told[1].done():
            self._loop.remove_reader(self._report)
            os.close(self._report)
            self.returncode = self._told[1].result() if lines else -signal.SIGKILL
        if not lines:
            next(each for each in self._told if not each.done()).set_exception(EOFError("no process was started"))

    async def started(self) -> ForkedProcess:
        self.pid = await self._told[0]
        return self

    async def wait(self) -> int:
        code: int = await asyncio.shield(self._told[1])
        return code

    def send_signal(self, number: int) -> None:
        if self.returncode is not None:
            raise ProcessLookupError
        os.kill(self.pid, number)


class Prefork:
    """The parent process, from the first start of a command until `stop`."""

    def __init__(self) -> None:
        self._control: socket.socket | None = None
        self._parent: subprocess.Popen[bytes] | None = None

    async def start(
        self, module: str, arguments: Sequence[str], environment: Mapping[str, str], output: int, errors: int
    ) -> ForkedProcess:
        """Run `python -m MODULE ARGUMENTS`."""
        request = {
            "module": module,
            "arguments": arguments,
            "environment": dict(environment),
            "folder": str(Path.cwd()),
        }
        reading, writing = os.pipe()
        try:
            socket.send_fds(self._running(), [json.dumps(request).encode()], [writing, output, errors])
        finally:
            os.close(writing)
        return await ForkedProcess(reading).started()

    def _running(self) -> socket.socket:
        if self._control is None:
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._parent = subprocess.Popen(
                    [sys.executable, "-m", __name__, str(theirs.fileno())],
                    env={**os.environ, "PYTHONPATH": str(_TESTS)}, pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                )  # fmt: skip
        return self._control

    def stop(self) -> None:
        if self._control is not None and self._parent is not None:
            self._control.close()
            self._parent.wait()


# The loader of libraries reads the first; aiohttp reads the second when it is imported.
_READ_BY_IMPORTS = ("LD_PRELOAD", "SSL_CERT_FILE")
# Set by the tests' conftest. A benchmark starts its processes as production does.
current: Prefork | None = None


async def start(
    module: str, arguments: Sequence[str], environment: Mapping[str, str], output: BinaryIO, errors: BinaryIO
) -> asyncio.subprocess.Process | ForkedProcess:
    """Run `python -m MODULE ARGUMENTS`, in a new interpreter where its imports depend on the environment."""
    if current is not None and all(environment.get(name) == os.environ.get(name) for name in _READ_BY_IMPORTS):
        return await current.start(module, arguments, environment, output.fileno(), errors.fileno())
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, env=environment, stdout=output, stderr=errors, start_new_session=True
    )


def _serve(control: socket.socket) -> None:
    """Fork for every request until the other side is closed; returns in each fork, which then is the command."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, _LONGEST_REQUEST, 3)
        _reap()
        if not message:
            os._exit(0)
        request = json.loads(message)
        _import(request["module"], next(iter(request["arguments"]), ""))
        if os.fork() == 0:
            control.close()
            _become(request, *descriptors)
            return
        for descriptor in descriptors:
            os.close(descriptor)


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


@cache
def _import(module: str, command: str) -> None:
    if module == _PRODUCT:
        for each in entry_points(group="hingecraft.commands", name=command):
            each.load()
        if "stripe" in sys.modules:
            for name in _IMPORTED_LATER:
                import_module(name)
    else:
        import_module(module)
    gc.collect()
    gc.freeze()


def _become(request: Mapping[str, Any], report: int, output: int, errors: int) -> None:
    """In a fork: fork again, tell how that one ends, and end; returns in that one only."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    pid = os.fork()
    if pid:
        os.write(report, f"{pid}\n".encode())
        _, status = os.waitpid(pid, 0)
        os.write(report, f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os._exit(0)
    os.setsid()
    os.dup2(output, 1)
    os.dup2(errors, 2)
    for descriptor in (report, output, errors):
        os.close(descriptor)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv[1:] = request["arguments"]
    gc.unfreeze()
    runpy.run_module(request["module"], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
