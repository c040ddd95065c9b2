"""The actions of the keys."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import webbrowser
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from hingecraft_sandbox.dev import events
from hingecraft_sandbox.dev.cockpit import Cockpit
from hingecraft_sandbox.dev.commands import Commands
from hingecraft_sandbox.dev.processes import Child

_DEMO_CURRENCY = "CHF"
_DEMO_MEMBER = "3f0c1b1e-58d7-4f1c-9f6e-2b1a9d3c7e55"
_LOG_LINES = 15
_LONGEST_CODE = 10
_ENTER, _ESCAPE, _BACKSPACE = "\r\n", "\033", "\b\x7f"


class Product(Protocol):
    """The running product, as the keys use it."""

    async def switch_currency(self, code: str) -> bool | None:
        """Returns whether it is on now, or None for an unknown currency."""

    async def switch_webhooks(self, *, on: bool) -> None:
        """Switch the sandbox's webhooks on or off."""

    async def move_clock(self) -> str:
        """Move the clock of the sandbox's subscriptions by a month; returns the new time."""

    async def last_payment(self) -> str | None:
        """The newest payment's id; None if there is none."""


class Keys:
    """Handles one key after the other; slow actions run in the background."""

    def __init__(self, cockpit: Cockpit, commands: Commands, pods: Sequence[Child], logs: Mapping[str, Path]) -> None:
        self.product: Product | None = None
        self._cockpit = cockpit
        self._commands = commands
        self._pods = pods
        self._logs = logs
        self._tasks: set[asyncio.Task[None]] = set()
        self._answer: Callable[[str], None] | None = None
        self._typed = ""
        self._webhooks = True
        self._kills = 0
        self._now: Mapping[str, Callable[[], None]] = {
            "C": self._ask_currency,
            "h": cockpit.help,
            "?": cockpit.help,
            "k": self._kill,
            "l": self._ask_log,
            "q": cockpit.stop,
            "r": lambda: cockpit.stop(restart=True),
        }
        self._beside: Mapping[str, Callable[[Product], Coroutine[Any, Any, None]]] = {
            "a": lambda _product: self._account(),
            "c": lambda product: self._switch_currency(product, _DEMO_CURRENCY),
            "m": self._move_clock,
            "n": lambda _product: self._reconcile(),
            "o": lambda _product: self._open(),
            "t": self._history,
            "w": self._switch_webhooks,
        }

    def pressed(self, key: str) -> None:
        """A key that does nothing is ignored."""
        if self._answer is not None:
            self._answer(key)
        elif key in self._now:
            self._now[key]()
        elif key in self._beside and self.product is not None:
            self._start(self._beside[key](self.product))
        self._cockpit.terminal.redraw()

    def _start(self, act: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._safely(act))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _safely(self, act: Coroutine[Any, Any, None]) -> None:
        """An error of a key is shown in the feed; the product keeps running."""
        try:
            await act
        except Exception as error:  # noqa: BLE001 - a key that fails must not end the product
            self._cockpit.say("error", self._cockpit.style("red", str(error) or type(error).__name__))
        self._cockpit.terminal.redraw()

    async def _open(self) -> None:
        page = self._cockpit.places.give
        can = sys.platform in {"darwin", "win32"} or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
        opened = can and await asyncio.to_thread(webbrowser.open, page)
        self._cockpit.say("open", page if opened else f"this machine shows no browser: open {page}")

    async def _account(self) -> None:
        token = await self._commands.said("token", "--sub", _DEMO_MEMBER, "--email", "ada@example.com")
        places = self._cockpit.places
        self._cockpit.say("account", "open one of these, press Sign in, and buy something; m lets a month pass")
        self._cockpit.terminal.lines(
            [f"    {page}#access_token={token.splitlines()[-1]}" for page in (places.account, places.shop)]
        )

    def _kill(self) -> None:
        self._pods[self._kills % len(self._pods)].kill()
        self._kills += 1

    async def _switch_currency(self, product: Product, code: str) -> None:
        on = await product.switch_currency(code)
        if on is None:
            self._cockpit.say("currency", f"unknown currency: {code}")
            return
        self._cockpit.note(code, "" if on else f"{code} off")
        self._cockpit.say("currency", f"{code} is switched {'on' if on else 'off'}")

    async def _switch_webhooks(self, product: Product) -> None:
        await product.switch_webhooks(on=not self._webhooks)
        self._webhooks = not self._webhooks
        self._cockpit.note("webhooks", "" if self._webhooks else "webhooks off")
        more = (
            "the providers send webhooks again"
            if self._webhooks
            else "pay, then press n to find the payment without them"
        )
        self._cockpit.say("webhooks", f"{'on' if self._webhooks else 'off'}: {more}")

    async def _move_clock(self, product: Product) -> None:
        moment = await product.move_clock()
        self._cockpit.say("clock", f"the sandbox's subscriptions live on {moment[:10]} now")

    async def _reconcile(self) -> None:
        self._cockpit.say("reconcile", "asking the providers about every open checkout")
        said = await self._commands.said("reconcile", "--once", "--all")
        numbers = json.loads(said.splitlines()[-1])
        found = [
            f"{name.replace('_', ' ')} {number}" for name, number in numbers.items() if type(number) is int and number
        ]
        self._cockpit.say("reconcile", ", ".join(found) or "nothing to do")

    async def _history(self, product: Product) -> None:
        payment = await product.last_payment()
        if payment is None:
            self._cockpit.say("history", f"no payments yet: give something at {self._cockpit.places.give}")
            return
        said = await self._commands.said("trail", payment)
        self._cockpit.say("history", f"hingecraft trail {payment}")
        self._cockpit.terminal.lines([f"    {line}" for line in said.splitlines()])

    def _ask_currency(self) -> None:
        self._typed = ""
        self._ask("code of the currency to switch, then Enter: ", self._type_currency)

    def _type_currency(self, key: str) -> None:
        if key in _ENTER:
            self._answered()
            if self._typed and self.product is not None:
                self._start(self._switch_currency(self.product, self._typed))
            return
        if key == _ESCAPE:
            self._answered()
            return
        if key in _BACKSPACE:
            self._typed = self._typed[:-1]
        elif key.isalnum() and len(self._typed) < _LONGEST_CODE:
            self._typed += key.upper()
        self._cockpit.prompt = f"  code of the currency to switch, then Enter: {self._typed}"

    def _ask_log(self) -> None:
        choices = "  ".join(f"{number} {name}" for number, name in enumerate(self._logs, start=1))
        self._ask(f"log of: {choices}  (Esc: none)", self._show_log)

    def _show_log(self, key: str) -> None:
        self._answered()
        if not (key.isdecimal() and 1 <= int(key) <= len(self._logs)):
            return
        log = list(self._logs.values())[int(key) - 1]
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        self._cockpit.say("log", f"the end of {log}" if lines else f"{log} is empty")
        self._cockpit.terminal.lines([f"    {events.logged(line)}" for line in lines[-_LOG_LINES:]])

    def _ask(self, question: str, answer: Callable[[str], None]) -> None:
        self._answer = answer
        self._cockpit.prompt = f"  {question}"

    def _answered(self) -> None:
        self._answer = None
        self._cockpit.prompt = ""
