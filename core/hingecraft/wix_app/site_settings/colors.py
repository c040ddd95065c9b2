"""The colours that follow from an owner's accent colour, corrected until text on and beside it can be read. Pure."""

from __future__ import annotations

from dataclasses import dataclass

# WCAG 2.2 AA for text of any size.
LEAST_CONTRAST = 4.5
_WHITE, _BLACK = "#ffffff", "#000000"
# What the pages' and the widget's style sheets put the accent on: of each theme, the background that is nearest to it.
_LIGHT_PAPER, _DARK_CARD = "#f6f4ef", "#1b2220"
_DARK_INK = "#0b1f1a"
_SOFTNESS = 0.14
# Below it, sRGB is linear.
_LINEAR_BELOW = 0.04045
_STEPS = 50


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of one theme, each as #rrggbb."""

    accent: str
    accent_ink: str
    accent_soft: str


def light(accent: str) -> Palette:
    """Darker than the owner's colour where it would be too pale on white."""
    found = _readable(accent, _LIGHT_PAPER, _BLACK)
    return Palette(found, _WHITE, mixed(found, _WHITE, _SOFTNESS))


def dark(accent: str) -> Palette:
    """Lighter than the owner's colour where it would be too dark on black."""
    found = _readable(accent, _DARK_CARD, _WHITE)
    return Palette(found, _DARK_INK, mixed(found, _DARK_CARD, _SOFTNESS))


def contrast(one: str, other: str) -> float:
    """The contrast of two colours as WCAG defines it, from 1 to 21."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def mixed(color: str, into: str, share: float) -> str:
    """A share of one colour in another."""
    parts = zip(_channels(color), _channels(into), strict=True)
    return "#" + "".join(f"{round(a * share + b * (1 - share)):02x}" for a, b in parts)


def _readable(color: str, on: str, towards: str) -> str:
    steps = (mixed(color, towards, 1 - step / _STEPS) for step in range(_STEPS + 1))
    return next(each for each in steps if contrast(each, on) >= LEAST_CONTRAST)


def _luminance(color: str) -> float:
    red, green, blue = (_linear(channel / 255) for channel in _channels(color))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return float(channel / 12.92 if channel <= _LINEAR_BELOW else ((channel + 0.055) / 1.055) ** 2.4)


def _channels(color: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(color.removeprefix("#"))
    return red, green, blue
