"""Live and test payments, as calls of the owner's dashboard name them."""

from __future__ import annotations

from typing import Literal

Mode = Literal["live", "test"]


def livemode_of(mode: Mode | None) -> bool | None:
    """Whether live payments are wanted; None if the caller did not say."""
    return mode == "live" if mode is not None else None


def mode_of(livemode: bool) -> Mode:  # noqa: FBT001 - a word for a flag
    """The mode as answers name it."""
    return "live" if livemode else "test"
