"""Colours and glyphs, where the terminal and its user want them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hingecraft_sandbox.dev.processes import State

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}
_STATES = {State.UP: ("●", "green"), State.STARTING: ("○", "yellow"), State.DOWN: ("✗", "red")}
_ESCAPES = re.compile(r"\033\[[0-9;]*m")
_RESET = "\033[0m"


@dataclass(frozen=True, slots=True)
class Style:
    """Text as the terminal shows it; without colour it is left as it is."""

    colour: bool

    def __call__(self, name: str, text: str) -> str:
        """Text in one of the colours, or bold or dim."""
        return f"\033[{_CODES[name]}m{text}{_RESET}" if self.colour else text

    def state(self, name: str, state: State) -> str:
        """A process with its light: a glyph of its own for each state, for those who see no colour."""
        glyph, colour = _STATES[state]
        return f"{self(colour, glyph)} {name}"


def width_of(text: str) -> int:
    """How many columns it takes."""
    return len(_ESCAPES.sub("", text))


def cut(text: str, width: int) -> str:
    """At most `width` columns, with an ellipsis where something is missing; escapes take no room and stay whole."""
    if width_of(text) <= width:
        return text
    kept, room = "", width - 1
    for part in re.split(r"(\033\[[0-9;]*m)", text):
        if part.startswith("\033"):
            kept += part
        else:
            kept += part[:room]
            room -= len(part[:room])
    return kept + "…" if "\033" not in kept else kept + _RESET + "…"
