"""The texts of the screen: what runs where, the lights and the keys below the feed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hingecraft_sandbox.dev.events import Happened
from hingecraft_sandbox.dev.ports import Ports
from hingecraft_sandbox.dev.processes import State
from hingecraft_sandbox.dev.style import Style, width_of

KEYS: Mapping[str, str] = {
    "o": "open the site's page in a browser",
    "a": "links to the account page and the shop that sign a member in",
    "c": "switch Swiss francs off and on; C asks for another currency",
    "w": "switch the providers' webhooks off and on",
    "k": "kill an API pod, a different one each time",
    "n": "reconcile now: find payments whose webhooks were lost",
    "m": "move the sandbox's clock by a month: subscriptions and plans renew",
    "t": "the last payment's history",
    "l": "the end of a process's log",
    "r": "restart everything with the current code",
    "h": "show this again",
    "q": "quit",
}
_SHORT_KEYS = "o open  c CHF  w webhooks  k kill pod  t history  l logs  h all keys  q quit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """The addresses of everything that runs."""

    ports: Ports
    folder: Path
    program: str

    @property
    def give(self) -> str:
        """The page to open first."""
        return f"http://127.0.0.1:{self.ports.site}/charter"

    @property
    def account(self) -> str:
        """The page where members buy credits, and find what they have bought."""
        return f"http://127.0.0.1:{self.ports.pods[0]}/account"

    @property
    def shop(self) -> str:
        """The page where members buy designs, courses and subscriptions."""
        return f"http://127.0.0.1:{self.ports.pods[0]}/shop"

    @property
    def dashboard(self) -> str:
        """The owner's dashboard, as the owner opens it at Wix."""
        return f"http://127.0.0.1:{self.ports.sandbox}/wix/dashboard"


def ready(seconds: float, style: Style) -> str:
    """The first line once everything answers."""
    return f"  {style('bold', 'HingeCraft payments')}  {style('green', f'ready in {seconds:.1f} s')}"


def links(places: Places, style: Style) -> Iterator[str]:
    """The addresses, one each."""
    ports = places.ports
    pod = f"http://127.0.0.1:{ports.pods[0]}"
    for name, address in (
        ("Give", f"{places.give}  or /mission-support"),
        ("Account", f"{places.account}  credits and purchases (key a)"),
        ("Shop", f"{places.shop}  designs, courses, a subscription"),
        ("Sandbox", f"http://127.0.0.1:{ports.sandbox}/  pay, decline, refund"),
        ("Dashboard", f"{places.dashboard}  inside a stand-in for Wix"),
        ("Wix app", f"http://127.0.0.1:{ports.sandbox}/wix  {pod}/wix-pricing"),
        ("API", f"{pod}/docs  {pod}/routes"),
        ("Database", f"{places.program} psql"),
        ("Commands", f"set -a; . {_short(places.folder)}/env; set +a; {places.program} --help"),
        ("Logs, data", f"{_short(places.folder)}  start from nothing: make dev RESET=1"),
    ):
        yield f"  {style('dim', f'{name:<10}')}  {address}"


def first_step(*, keys: bool) -> str:
    """The next step for the developer."""
    if keys:
        return "  Next: open Give, then press c: Swiss francs leave the open page at once."
    return "  No terminal, so no keys. Ctrl-C or SIGTERM stops everything."


def keys(style: Style) -> Iterator[str]:
    """Each key with what it does."""
    for key, what in KEYS.items():
        yield f"  {style('bold', key)}  {what}"


def line(happened: Happened, style: Style) -> str:
    """One line of the feed."""
    clock = f"{happened.at.astimezone():%H:%M:%S}"
    return f"  {style('dim', clock)}  {style('cyan', f'{happened.kind:<9}')}  {happened.text}"


def footer(states: Mapping[str, State], notes: Sequence[str], prompt: str, style: Style, width: int) -> list[str]:
    """A rule, a light for each process with what is switched off, and the keys or a question."""
    lights = "  ".join(style.state(name, state) for name, state in states.items())
    note = style("yellow", "  ".join(notes)) if notes else ""
    gap = " " * max(2, width - 2 - width_of(lights) - width_of(note)) if notes else ""
    return [style("dim", "─" * width), f"  {lights}{gap}{note}", prompt or _key_line(style)]


def _key_line(style: Style) -> str:
    return "  " + "  ".join(
        f"{style('bold', key)} {what}" for key, what in (each.split(" ", 1) for each in _SHORT_KEYS.split("  "))
    )


def _short(folder: Path) -> str:
    """The path relative to the working directory."""
    return str(folder.relative_to(Path.cwd())) if folder.is_relative_to(Path.cwd()) else str(folder)
