"""The screen of `hingecraft dev`: the feed, the footer, and the question that a key may ask."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from hingecraft_sandbox.dev import screen
from hingecraft_sandbox.dev.events import Happened
from hingecraft_sandbox.dev.processes import State
from hingecraft_sandbox.dev.screen import Places
from hingecraft_sandbox.dev.terminal import Terminal


class Watched(Protocol):
    """A process with a light in the footer."""

    name: str
    state: State


class Cockpit:
    """Shows what happens until it is stopped. `ready_at` is when the feed started, by the monotonic clock."""

    def __init__(self, terminal: Terminal, places: Places) -> None:
        self.terminal = terminal
        self.style = terminal.style
        self.places = places
        self.watched: list[Watched] = []
        self.notes: dict[str, str] = {}
        self.prompt = ""
        self.ready_at: float | None = None
        self.restart = False
        self._stop = asyncio.Event()

    async def stopped(self) -> None:
        """Wait until the user quits or restarts."""
        await self._stop.wait()

    def stop(self, *, restart: bool = False) -> None:
        """Stop everything, and start again if `restart`."""
        self.restart = restart
        self._stop.set()

    def say(self, kind: str, text: str) -> None:
        """A line of the feed that happens now, in full even if it is wider than the terminal."""
        self.terminal.lines([screen.line(Happened(datetime.now().astimezone(), kind, text), self.style)])

    def show(self, happened: Happened) -> None:
        """A line of the feed, cut to the width of the terminal."""
        self.terminal.line(screen.line(happened, self.style))

    def welcome(self, seconds: float) -> None:
        """How long the start took, what runs where, and what to do first."""
        first_step = screen.first_step(keys=self.terminal.interactive)
        self.terminal.lines(
            ["", screen.ready(seconds, self.style), *screen.links(self.places, self.style), first_step, ""]
        )

    def help(self) -> None:
        """Show the addresses and all keys."""
        self.terminal.lines(["", *screen.links(self.places, self.style), "", *screen.keys(self.style), ""])

    def footer(self) -> list[str]:
        """The lines that stay at the bottom."""
        states: Mapping[str, State] = {each.name: each.state for each in self.watched}
        return screen.footer(states, list(self.notes.values()), self.prompt, self.style, self.terminal.width)

    def note(self, name: str, text: str) -> None:
        """Set the reminder in the footer; an empty text removes it."""
        self.notes.pop(name, None)
        if text:
            self.notes[name] = text

    async def keep_lights(self, every: float) -> None:
        """Draw the footer whenever a light has changed, until cancelled."""
        shown: list[str] = []
        while True:
            now = self.footer()
            if now != shown:
                shown = now
                self.terminal.redraw()
            await asyncio.sleep(every)
