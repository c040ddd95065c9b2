"""Builds the owner's dashboard once its page is opened: its packages are half a gigabyte, and many never open it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from contextlib import suppress
from pathlib import Path

from hingecraft_sandbox.dev.cockpit import Cockpit
from hingecraft_sandbox.dev.wix_site import wix_folder

# What is built already is only compared, which nobody needs to know.
_SAY_AFTER = 3.0
_NAME = "dashboard"


class DashboardBuild:
    """At most one build in a run; the pods serve what it makes without a restart."""

    def __init__(self, folder: Path, cockpit: Cockpit) -> None:
        self._log = folder / f"{_NAME}.log"
        self._cockpit = cockpit
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Call it each time the page is opened. After a failure the next call tries again."""
        if self._task is None:
            self._task = asyncio.create_task(self._build())

    async def stop(self) -> None:
        """Give up a build that runs; what was downloaded is kept."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _build(self) -> None:
        started = time.monotonic()
        with self._log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                "nice", sys.executable, str(wix_folder().parent / "scripts/build_dashboard.py"),
                stdin=DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        try:
            await self._until_over(process, started)
        finally:
            self._cockpit.note(_NAME, "")
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()

    async def _until_over(self, process: Process, started: float) -> None:
        ending = asyncio.ensure_future(process.wait())
        done, _ = await asyncio.wait({ending}, timeout=_SAY_AFTER)
        if not done:
            self._cockpit.say(_NAME, f"building it, once, from packages of npm (log: {self._log})")
            self._cockpit.note(_NAME, "building the dashboard")
        code = await ending
        if code != 0:
            lines = self._log.read_text(errors="replace").strip().splitlines()
            self._cockpit.say(_NAME, f"was not built: {lines[-1] if lines else f'code {code}'} (log: {self._log})")
            self._task = None
        elif not done:
            self._cockpit.say(_NAME, f"built in {time.monotonic() - started:.0f} s: {self._cockpit.places.dashboard}")
