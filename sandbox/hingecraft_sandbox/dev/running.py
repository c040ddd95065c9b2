"""One run of `hingecraft dev`: starts everything in parallel, and stops it in order."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import signal
import sys
import time
from contextlib import AsyncExitStack
from importlib import import_module
from pathlib import Path
from types import ModuleType

from hingecraft_sandbox.dev import children, environment, events, processes
from hingecraft_sandbox.dev.cockpit import Cockpit
from hingecraft_sandbox.dev.commands import Commands
from hingecraft_sandbox.dev.dashboard import DashboardBuild
from hingecraft_sandbox.dev.keys import Keys
from hingecraft_sandbox.dev.ports import Ports
from hingecraft_sandbox.dev.screen import Places
from hingecraft_sandbox.dev.server import Server
from hingecraft_sandbox.dev.terminal import Terminal
from hingecraft_sandbox.dev.wix_site import wix_folder
from hingecraft_sandbox.postgres import Postgres, find_binaries

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LIGHTS_EVERY = 0.2
_SHAPE = "schema"
# Set for the process that takes over after key `r`.
RESTARTED = "HINGECRAFT_DEV_RESTARTED"
_LOADED_AT = time.monotonic()


class _LogLines(io.TextIOBase):
    """Shows this process's log above the footer."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def write(self, text: str) -> int:
        """The lines of one record."""
        self._terminal.lines(text.splitlines())
        return len(text)

    def isatty(self) -> bool:
        """Lines for people, not JSON."""
        return True


class Run:
    """One run of `hingecraft dev`: makes the processes, starts them and stops them."""

    def __init__(self, ports: Ports, folder: Path, terminal: Terminal) -> None:
        self.cockpit = Cockpit(terminal, Places(ports=ports, folder=folder, program=_program()))
        postgres = Postgres(folder=folder / "postgres", binaries=find_binaries(), port=ports.postgres, keep_data=True)
        processes.end_forgotten(folder)
        postgres.end_forgotten()
        ports.check()
        self._folder = folder
        self._terminal = terminal
        self._server = Server(postgres, self.cockpit.say)
        self._environment = environment.environment_of(ports, folder, postgres.dsn(environment.DATABASE))
        self._commands = Commands(self._environment)
        self._pods = children.pods(ports, folder, self._commands, self.cockpit.say)
        self._sandbox = children.sandbox(ports, folder, self._commands, self.cockpit.say)
        self._site = children.site(ports, folder, self._environment, self.cockpit.say)
        self._children = [*self._pods, self._site, self._sandbox]
        self._dashboard = DashboardBuild(folder, self.cockpit)
        self.cockpit.watched = [self._server, *self._children]
        logs = {self._server.name: self._server.log, **{each.name: each.log for each in self._children}}
        self._keys = Keys(self.cockpit, self._commands, self._pods, logs)

    async def until_stopped(self) -> None:
        """Raises UsageError when something cannot be started."""
        loop = asyncio.get_running_loop()
        for number in _STOP_SIGNALS:
            # Keep the handlers: a second Ctrl-C must not interrupt a clean shutdown.
            loop.add_signal_handler(number, self.cockpit.stop)
        with self._terminal.keys(self.cockpit.footer, self._keys.pressed):
            work = asyncio.create_task(self._work())
            stopped = asyncio.create_task(self.cockpit.stopped())
            try:
                await asyncio.wait({work, stopped}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                stopped.cancel()
                await asyncio.gather(self._dashboard.stop(), *(child.stop() for child in self._children))
                work.cancel()
                await asyncio.wait({work})
                await self._server.stop()
                self._commands.stop()
        if not work.cancelled():
            work.result()
        if self.cockpit.restart:
            self.cockpit.say("restart", "everything has stopped; starting again with the current code")
        else:
            self.cockpit.say("stopped", f"the data is kept in {self._folder}; make dev RESET=1 deletes it")

    async def _work(self) -> None:
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
            tasks.create_task(self.cockpit.keep_lights(_LIGHTS_EVERY))
            early = [*(self._pods if self._has_shape() else ()), self._sandbox, self._site]
            for child in early:
                tasks.create_task(child.run())
            self._commands.load("api")
            product, _ = await asyncio.gather(_product(), self._server.start())
            tasks.create_task(self._server.run())
            await product.prepare(self._server.postgres, self.cockpit)
            self._note_shape()
            for child in self._children:
                if child not in early:
                    tasks.create_task(child.run())
            os.environ.update(self._environment)
            environment.write(self._folder, self._environment)
            running, engine = await stack.enter_async_context(
                product.opened(self.cockpit, self._sandbox.address, _LogLines(self._terminal))
            )
            tasks.create_task(engine.run())
            await asyncio.gather(*(child.ready() for child in self._children))
            await running.feed.start()
            for code in await running.feed.switched_off():
                self.cockpit.note(code, f"{code} off")
            self._keys.product = running
            self.cockpit.welcome(_seconds_since_start())
            self.cockpit.ready_at = time.monotonic()
            tasks.create_task(running.feed.follow_payments())
            tasks.create_task(running.feed.follow_sandbox(self._sandbox.log, self._dashboard.start))
            if self._environment.get("STRIPE_API_BASE") == self._sandbox.address:
                await self._keep_links()

    async def _keep_links(self) -> None:
        """Create a standing link for each currency, but only at the sandbox, not in a real account."""
        try:
            said = await self._commands.said("links", "ensure")
        except RuntimeError as error:
            said = str(error)
        self.cockpit.say("links", events.links(said.splitlines()[-1]))

    def _has_shape(self) -> bool:
        """Whether the kept database has these migrations; then pods may start before the check."""
        kept = self._folder / _SHAPE
        return kept.exists() and kept.read_text() == _shape()

    def _note_shape(self) -> None:
        (self._folder / _SHAPE).write_text(_shape())


async def _product() -> ModuleType:
    """Import it in a thread, while Postgres and the pods start; its docstring says why."""
    return await asyncio.to_thread(import_module, "hingecraft_sandbox.dev.product")


def _shape() -> str:
    whole = hashlib.sha256()
    for file in sorted((wix_folder().parent / "migrations").glob("*.sql")):
        whole.update(file.read_bytes())
    return whole.hexdigest()


def _program() -> str:
    """The path relative to the working directory."""
    path = Path(sys.argv[0])
    if path.name == "__main__.py":
        return f"{Path(sys.executable).name} -m hingecraft"
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _seconds_since_start() -> float:
    """Since this process was started, where Linux says when that was; after a restart, since it loaded this module."""
    if os.environ.pop(RESTARTED, None):
        return time.monotonic() - _LOADED_AT
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        return time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError):
        return time.monotonic() - _LOADED_AT


def run(ports: Ports, folder: Path) -> bool:
    """Run until stopped; returns whether to restart."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal without UTF-8 shows question marks instead of glyphs.
        sys.stdout.reconfigure(errors="replace")
    one = Run(ports, folder, Terminal())
    try:
        asyncio.run(one.until_stopped())
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return one.cockpit.restart
