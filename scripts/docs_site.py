"""Hooks of MkDocs: pages that lie outside docs/, folders in the navigation, and a site that works offline."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from docs_markdown import for_site

ROOT = Path(__file__).parents[1]
# Where each page of the site comes from; links between them are rewritten.
OUTSIDE = {
    "README.md": "readme.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security-policy.md",
    "helm/hingecraft/README.md": "chart.md",
}
# Folders that have a page in the site that lists their pages; a forge lists them itself.
LISTED = {
    "runbooks": "# Runbooks\n\nFirst: [how to use their commands](../operations.md#before-you-need-a-runbook).",
    "decisions": "# Decisions",
}
_LINK = re.compile(r"(\]\(<?|<img [^>]*src=\")([^)\s>\"#]+)")
_CELL = re.compile(r"<td\b.*?</td>", re.DOTALL)
_CODE = re.compile(r"(?<=<code>)[^<]+(?=</code>)")
_LOADED = re.compile(
    r"<(?:script|img|iframe|source)[^>]* src=\"(?:https?:)?//|<link[^>]* rel=\"?(?:stylesheet|preload)[^>]*//"
)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    config.nav = _expanded(config.nav)
    return config


def _expanded(nav: Any) -> Any:
    """The navigation, with each folder replaced by its pages."""
    if isinstance(nav, list):
        return [_expanded(each) for each in nav]
    if isinstance(nav, dict):
        return {name: _expanded(below) for name, below in nav.items()}
    if not nav.endswith("/"):
        return nav
    return [nav + name for name in ("index.md", *(page.name for page in _pages(nav)))]


def _pages(folder: str) -> list[Path]:
    return sorted((ROOT / "docs" / folder).glob("*.md"))


def _title(page: Path) -> str:
    return page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for source, page in OUTSIDE.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    for folder, begin in LISTED.items():
        rows = [f"- [{_title(page)}]({page.name})" for page in _pages(folder)]
        text = "\n".join([begin, "", *rows, ""])
        files.append(File.generated(config, f"{folder}/index.md", content=text))
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: Any) -> str:
    """Every page is read as if it lay in the repository, and its links lead to pages of the site."""
    name = page.file.src_uri
    if name.startswith("decisions/"):
        # Below every page that says what to do.
        page.meta["search"] = {"boost": 0.1}
    if "\n## " not in markdown:
        # Without headings the table of contents is empty, and its place is better used for the page.
        page.meta["hide"] = ["toc"]
    source = next((outside for outside, inside in OUTSIDE.items() if inside == name), f"docs/{name}")

    def rewritten(found: re.Match[str]) -> str:
        link = found[2]
        if re.match(r"[a-z]+:", link):
            return found[0]
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
        inside = OUTSIDE.get(target, target.removeprefix("docs/"))
        inside = f"{inside}/index.md" if inside in LISTED else inside
        return found[1] + posixpath.relpath(inside, posixpath.dirname(name) or ".")

    return for_site(_LINK.sub(rewritten, markdown))


def on_post_page(output: str, *, page: Page, **_: Any) -> str:
    if found := _LOADED.search(output):
        raise PluginError(f"{page.file.src_uri} loads something from another host: {found[0]}")
    return _CELL.sub(lambda cell: _CODE.sub(lambda code: _with_breaks(code[0]), cell[0]), output)


def _with_breaks(name: str) -> str:
    """Names in tables may break after an underscore, a slash, a dot or a colon."""
    return re.sub(r"(?<=[_/.:])(?=\w)", "<wbr>", name)
