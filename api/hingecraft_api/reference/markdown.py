"""The part of Markdown that the reference is written in, as HTML. Everything that is not markup is escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

_INLINE = re.compile(
    r"`(?P<code>[^`]+)`|\*\*(?P<strong>.+?)\*\*|\[(?P<text>[^]]+)\]\((?P<url>https://[^)\s]+)\)", re.DOTALL
)
_NOT_IN_AN_ANCHOR = re.compile(r"[^a-z0-9_]+")

# Where the code spans that name something on the page lead to, such as `GET /routes` and `rate_limited`.
Links = Mapping[str, str]


def anchor(text: str) -> str:
    """`GET /payments/{id}` becomes get-payments-id."""
    return _NOT_IN_AN_ANCHOR.sub("-", text.lower()).strip("-")


def inline(text: str, links: Links) -> str:
    """Code, bold text and links."""
    parts, done = [], 0
    for found in _INLINE.finditer(text):
        parts.append(escape(text[done : found.start()]))
        parts.append(_span(found, links))
        done = found.end()
    return "".join(parts) + escape(text[done:])


def _span(found: re.Match[str], links: Links) -> str:
    if found["code"] is not None:
        code = f"<code>{escape(found['code'])}</code>"
        return f'<a href="#{links[found["code"]]}">{code}</a>' if found["code"] in links else code
    if found["strong"] is not None:
        return f"<strong>{inline(found['strong'], links)}</strong>"
    return f'<a href="{escape(found["url"])}">{escape(found["text"])}</a>'


def sections(text: str) -> list[tuple[str, str]]:
    """The text under each `## ` heading."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    return list(zip(parts[::2], parts[1::2], strict=True))


def blocks(text: str, links: Links) -> str:
    """Paragraphs, lists, tables and fenced code."""
    parts = re.split(r"^```\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return "".join(
        f"<pre><code>{escape(part)}</code></pre>" if is_code else _prose(part, links)
        for part, is_code in zip(parts, [False, True] * len(parts), strict=False)
    )


def _prose(text: str, links: Links) -> str:
    return "".join(_block(block.strip(), links) for block in re.split(r"\n\s*\n", text) if block.strip())


def _block(block: str, links: Links) -> str:
    if block.startswith("- "):
        items = re.split(r"^- ", block, flags=re.MULTILINE)[1:]
        return "<ul>" + "".join(f"<li>{inline(item.strip(), links)}</li>" for item in items) + "</ul>"
    if block.startswith("| "):
        return _table([[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()], links)
    return f"<p>{inline(block, links)}</p>"


def _table(rows: list[list[str]], links: Links) -> str:
    head, _, *body = rows
    names = "".join(f'<th scope="col">{inline(cell, links)}</th>' for cell in head)
    cells = ("".join(f"<td>{inline(cell, links)}</td>" for cell in row) for row in body)
    return f"<table><thead><tr>{names}</tr></thead><tbody>{''.join(f'<tr>{row}</tr>' for row in cells)}</tbody></table>"
