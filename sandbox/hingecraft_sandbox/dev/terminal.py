"""The terminal: lines that scroll, a footer that stays below them, and keys. Without a terminal, plain lines."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from hingecraft_sandbox.dev.style import Style, cut, width_of

_HIDE_CURSOR, _SHOW_CURSOR = "\033[?25l", "\033[?25h"
# Line by line: tmux would keep a copy of each footer in its history if everything below were cleared at once.
_CLEAR_LINE = "\r\033[2K"
# What arrow, function and Alt keys send: the cockpit does not use them. Esc itself is a key.
_ESCAPE_SEQUENCE = re.compile(r"\033(?:\[[0-?]*[ -/]*[@-~]|O.|[^\033\[O])")
_NARROWEST = 20


def is_interactive(source: TextIO, target: TextIO) -> bool:
    """Whether a person can see colours and press keys: a terminal at both ends, with this process in front."""
    if not (source.isatty() and target.isatty()) or os.environ.get("TERM", "") in {"", "dumb"}:
        return False
    try:
        return os.tcgetpgrp(source.fileno()) == os.getpgrp()
    except OSError:
        return False


def wants_colour(target: TextIO) -> bool:
    """On a terminal, unless NO_COLOR is set to anything (https://no-color.org)."""
    return target.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


class Terminal:
    """Writes lines above a footer of a few lines, which is drawn again after each of them."""

    def __init__(self, source: TextIO = sys.stdin, target: TextIO = sys.stdout) -> None:
        self._source = source
        self._target = target
        self.interactive = is_interactive(source, target)
        self.style = Style(wants_colour(target))
        self._footer: Callable[[], Sequence[str]] = tuple
        self._drawn: list[int] = []
        self._before: list[Any] = []
        self._gone = False

    @property
    def width(self) -> int:
        """Columns, less the last one, so that no terminal wraps a full line."""
        return max(_NARROWEST, shutil.get_terminal_size().columns - 1)

    def line(self, text: str) -> None:
        """One line above the footer: cut to the width on a terminal, whole otherwise."""
        self.lines([cut(text, self.width) if self.interactive else text])

    def lines(self, texts: Iterable[str]) -> None:
        """Several lines, whole: the terminal wraps those that are too long."""
        self._write(self._erased() + "".join(f"{text}\n" for text in texts) + self._drawn_footer())

    def redraw(self) -> None:
        """Draw the footer as it is now."""
        if self.interactive:
            self._write(self._erased() + self._drawn_footer())

    @contextmanager
    def keys(self, footer: Callable[[], Sequence[str]], pressed: Callable[[str], None]) -> Iterator[None]:
        """Show the footer and report keys until the end of the block; needs a running event loop."""
        if not self.interactive:
            yield
            return
        loop = asyncio.get_running_loop()
        descriptor = self._source.fileno()
        self._footer = footer
        self._before = termios.tcgetattr(descriptor)
        self._take()
        handlers = {signal.SIGWINCH: self.redraw, signal.SIGTSTP: self._suspend, signal.SIGCONT: self._take}
        loop.add_reader(descriptor, self._read, pressed)
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        try:
            yield
        finally:
            loop.remove_reader(descriptor)
            for number in handlers:
                loop.remove_signal_handler(number)
            self._give_back()
            self._footer = tuple

    def _read(self, pressed: Callable[[str], None]) -> None:
        try:
            typed = os.read(self._source.fileno(), 64)
        except OSError:
            typed = b""
        if not typed:
            # The terminal was closed; SIGHUP ends the rest.
            asyncio.get_running_loop().remove_reader(self._source.fileno())
        for key in _ESCAPE_SEQUENCE.sub("", typed.decode(errors="ignore")):
            pressed(key)

    def _take(self) -> None:
        """Read keys one by one, without echo."""
        tty.setcbreak(self._source.fileno(), termios.TCSANOW)
        self._write(_HIDE_CURSOR)
        self.redraw()

    def _give_back(self) -> None:
        self._write(self._erased() + _SHOW_CURSOR)
        with suppress(termios.error):
            termios.tcsetattr(self._source.fileno(), termios.TCSADRAIN, self._before)

    def _suspend(self) -> None:
        """Ctrl-Z: the shell gets its terminal as it was. `fg` sends SIGCONT."""
        self._give_back()
        os.kill(os.getpid(), signal.SIGSTOP)

    def _erased(self) -> str:
        """The escapes that erase the footer, even if a narrower window has wrapped it."""
        if not self._drawn:
            return ""
        columns = max(1, shutil.get_terminal_size().columns)
        rows = sum(max(1, -(-width // columns)) for width in self._drawn)
        self._drawn = []
        return _CLEAR_LINE + f"\033[1A{_CLEAR_LINE}" * (rows - 1)

    def _drawn_footer(self) -> str:
        if not self.interactive:
            return ""
        texts = [cut(text, self.width) for text in self._footer()]
        self._drawn = [width_of(text) for text in texts]
        return "\n".join(texts)

    def _write(self, text: str) -> None:
        """Ignore errors of a terminal that was closed, so that the shutdown continues."""
        if self._gone or not text:
            return
        try:
            self._target.write(text)
            self._target.flush()
        except OSError:
            self._gone = True
