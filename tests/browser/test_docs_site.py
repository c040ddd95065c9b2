"""The site of `make docs`, opened as a file: its search finds a page, without a server and without a network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support.chromium import chromium
from support.folders import open_folder

ROOT = Path(__file__).parents[2]
QUERY = "[data-md-component=search-query]"
FOUND = "[...document.querySelectorAll('.md-search-result__link')].map(each => each.getAttribute('href'))"

# The page searches when a key comes up, which text that is inserted has none of.
KEY_COMES_UP = f"document.querySelector('{QUERY}').dispatchEvent(new KeyboardEvent('keyup'))"


async def test_its_search_finds_a_page_without_a_server():
    with open_folder() as folder:
        build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder / "site")]
        subprocess.run(build, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, check=True)
        async with chromium(folder) as page:
            await page.open((folder / "site/index.html").as_uri())
            await page.value(f"document.querySelector('{QUERY}').focus()")
            await page.type("HingecraftNobodyLeads")
            await page.until(f"{FOUND}.some(link => link.includes('operator-without-leader.html'))")
            await page.value("document.querySelector('.md-search-result__link').click()")
            await page.until("document.readyState === 'complete' && location.href.includes('operator-without-leader')")
            assert "The operator has no leader" in await page.seen()
            await page.open((folder / "site/index.html").as_uri())
            await page.value(f"document.querySelector('{QUERY}').focus()")
            await page.type("rotate key")
            await page.until(f"{KEY_COMES_UP}, {FOUND}.length > 0")
            first = await page.value(f"{FOUND}[0]")
            assert "/decisions/" not in first, "they say why, and come after what says how"
