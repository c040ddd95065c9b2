"""The site of `make docs`, opened as a file: its search and its tables, without a server and without a network."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.chromium import chromium
from support.folders import open_folder

ROOT = Path(__file__).parents[2]
QUERY = "[data-md-component=search-query]"
FOUND = "[...document.querySelectorAll('.md-search-result__link')].map(each => each.getAttribute('href'))"
NAMES = "[...document.querySelectorAll('td:first-child code')]"
# A part between two allowed breaks stands on several lines.
IS_TORN = """name => [...name.childNodes].some(part => {
  const range = document.createRange();
  range.selectNodeContents(part);
  return part.nodeType === Node.TEXT_NODE && range.getClientRects().length > 1;
})"""

# The page searches when a key comes up, which text that is inserted has none of.
KEY_COMES_UP = f"document.querySelector('{QUERY}').dispatchEvent(new KeyboardEvent('keyup'))"


@pytest.fixture(scope="module")
def site() -> Iterator[Path]:
    with open_folder() as folder:
        build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder / "site")]
        subprocess.run(build, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, check=True)
        yield folder / "site"


async def test_its_search_finds_a_page_without_a_server(site, tmp_path):
    async with chromium(tmp_path) as page:
        await page.open((site / "index.html").as_uri())
        await page.value(f"document.querySelector('{QUERY}').focus()")
        await page.type("HingecraftNobodyLeads")
        await page.until(f"{FOUND}.some(link => link.includes('operator-without-leader.html'))")
        await page.value("document.querySelector('.md-search-result__link').click()")
        await page.until("document.readyState === 'complete' && location.href.includes('operator-without-leader')")
        assert "The operator has no leader" in await page.seen()
        await page.open((site / "index.html").as_uri())
        await page.value(f"document.querySelector('{QUERY}').focus()")
        await page.type("rotate key")
        await page.until(f"{KEY_COMES_UP}, {FOUND}.length > 0")
        first = await page.value(f"{FOUND}[0]")
        assert "/decisions/" not in first, "they say why, and come after what says how"


async def test_names_in_tables_break_between_words_only(site, tmp_path):
    async with chromium(tmp_path) as page:
        await page.open((site / "metrics-and-alerts.html").as_uri())
        assert await page.value(f"{NAMES}.length") > 30
        assert await page.value(f"{NAMES}.filter({IS_TORN}).map(each => each.textContent)") == []
