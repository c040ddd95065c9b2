"""The layout of the sandbox's pages: plain, accessible HTML with a banner that says it is a sandbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape

from aiohttp import web

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2433; --soft: #5b6577; --line: #d9dee7; --page: #f4f6fa; --card: #fff;
  --go: #2b5cd9; --stop: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e9edf5; --soft: #a3adbf; --line: #333d4f; --page: #12161f;
  --card: #1b212d; --go: #7ea2ff; --stop: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
.banner { background: #8a5a00; color: #fff; text-align: center; padding: .4rem 1rem; font-size: .9rem; }
main { max-width: 34rem; margin: 2.5rem auto; padding: 2rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 14px; }
main.wide { max-width: 70rem; }
h1 { font-size: 1.25rem; margin: 0 0 .25rem; } h2 { font-size: 1rem; margin: 2rem 0 .5rem; }
.amount { font-size: 2.25rem; font-weight: 650; margin: .5rem 0 1rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1rem; margin: 1rem 0; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
form { display: inline-block; margin: .25rem .5rem .25rem 0; }
button, input, select, textarea { font: inherit; padding: .6rem 1.1rem; border-radius: 8px;
  border: 1px solid var(--line); }
button { cursor: pointer; background: transparent; color: var(--ink); }
button.go { background: var(--go); border-color: var(--go); color: var(--card); font-weight: 600; }
button.stop { color: var(--stop); border-color: var(--stop); }
:focus-visible { outline: 3px solid var(--go); outline-offset: 2px; }
.note { color: var(--soft); } .error { color: var(--stop); }
table { border-collapse: collapse; width: 100%; } td, th { text-align: left; padding: .35rem .6rem .35rem 0;
  border-bottom: 1px solid var(--line); } th { color: var(--soft); font-weight: 500; }
a { color: var(--go); }
@media (max-width: 40rem) { main { margin: 1rem auto; padding: 1rem; } select { max-width: 100%; }
  td { overflow-wrap: anywhere; } td button, td summary { overflow-wrap: normal; } }
"""


def day_of(moment: int | None) -> str | None:
    """A moment as a page shows it."""
    return None if moment is None else f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M}"


@dataclass(frozen=True, slots=True)
class Button:
    """A form with one button, after its fields if it has any."""

    label: str
    action: str
    style: str = ""
    fields: str = ""


def page(title: str, body: str, *, status: int = 200, wide: bool = False) -> web.Response:
    """A page with the title as heading."""
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)} - sandbox</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<style>{_STYLE}</style></head><body><div class="banner" role="note">Sandbox: no real money moves here</div>'
        f"<main{' class=wide' if wide else ''}><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    return web.Response(text=text, content_type="text/html", status=status, headers={"Cache-Control": "no-store"})


def facts(pairs: Sequence[tuple[str, object]]) -> str:
    """A list of names and values."""
    rows = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>" for name, value in pairs if value is not None
    )
    return f"<dl>{rows}</dl>"


def buttons(choices: Sequence[Button]) -> str:
    """A row of buttons."""
    return "".join(
        f'<form method="post" action="{escape(each.action)}">{each.fields}'
        f'<button class="{each.style}">{escape(each.label)}</button></form>'
        for each in choices
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; the cells must be HTML."""
    if not rows:
        return '<p class="note">Nothing yet.</p>'
    top = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table>"
