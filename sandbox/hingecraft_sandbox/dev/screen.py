"""The one screen: what runs where, then a line for each version as it lands."""

from __future__ import annotations

import os
import sys
import webbrowser
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from hingecraft.sync.engine import Landed, Watcher
from hingecraft_sandbox.dev.pods import SANDBOX, SITE, Running

_BOLD, _SOFT, _PLAIN = ("\033[1m", "\033[2m", "\033[0m") if sys.stdout.isatty() else ("", "", "")


_STARTS = {SANDBOX: "/", SITE: "/mission-support"}


def _start_of(each: Running) -> str:
    return _STARTS.get(each.name, "/routes")


def _has_a_screen() -> bool:
    return sys.platform in {"darwin", "win32"} or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))


def _program() -> str:
    """As it is called from here."""
    path = Path(sys.argv[0])
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def welcome(running: Sequence[Running], dsn: str, folder: Path, admin_token: str) -> None:
    """What runs where, and what to try first."""
    first = next(each.port for each in running if each.name not in _STARTS)
    give = next(f"http://127.0.0.1:{each.port}{_start_of(each)}" for each in running if each.name == SITE)
    rows = [
        ("Give on Wix", give),
        ("Give without Wix", f"http://127.0.0.1:{first}/embed/mission-support"),
        *((each.name, f"http://127.0.0.1:{each.port}{_start_of(each)}   log: {each.log}") for each in running),
        ("The calls", f"http://127.0.0.1:{first}/docs"),
        ("Postgres", dsn),
        ("Data", f"{folder}   start afresh: make dev RESET=1"),
        ("Admin token", admin_token),
        ("Commands", f"set -a; . {folder / 'env'}; set +a; {_program()} reconcile --once"),
    ]
    print(f"\n{_BOLD}HingeCraft payments{_PLAIN}\n")
    for name, what in rows:
        print(f"  {name:<16} {what}")
    print(f"\n  Try: psql {dsn} -c \"UPDATE currencies SET enabled = false WHERE code = 'CHF'\"")
    print(f"       curl -i http://127.0.0.1:{first}/routes\n  Ctrl-C ends everything.\n", flush=True)
    if sys.stdout.isatty() and _has_a_screen():
        webbrowser.open(give)


class Showing(Watcher):
    """Shows what the engine does."""

    def landed(self, landed: Landed) -> None:
        """A version is served by every pod."""
        since = "" if landed.since_commit is None else f", {landed.since_commit * 1000:.0f} ms after the commit"
        checksum = f"{_SOFT}{landed.checksum[:12]}{_PLAIN}"
        _line(f"{_BOLD}routes version {landed.version}{_PLAIN} on {landed.pods} pods{since} {checksum}")


def site_told(what: str) -> None:
    """The site has taken a webhook."""
    _line(f"the site was told: {what}")


def links_kept(number: int) -> None:
    """Each currency has its link."""
    _line(f"{number} standing links are kept at the sandbox")


def goodbye() -> None:
    """Everything has ended."""
    _line("everything has ended; the data are kept")


def _line(text: str) -> None:
    print(f"  {_SOFT}{datetime.now().astimezone():%H:%M:%S}{_PLAIN}  {text}", flush=True)
