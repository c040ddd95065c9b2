"""The site in Chromium: its own pages and code, the real API and Postgres, the providers' sandbox."""

from __future__ import annotations

import asyncio

import pytest

from support.chromium import RESULTS, chromium
from support.folders import open_folder
from support.limits import PROGRESS
from support.pods import running_pod
from support.published_site import world
from toolchain import node_js

pytestmark = pytest.mark.timeout(400)


@pytest.mark.parametrize("name", ["looks", "bad-days", "strangers", "giving", "routes"])
async def test_in_a_browser(dsn, name):
    async with world(dsn) as told:
        await node_js.run_tests(f"test/e2e/{name}.test.mjs", **told, SHOTS=str(RESULTS))


async def test_in_a_browser_without_a_site(dsn):
    """The backend's own pages at /embed need nothing but the backend."""
    async with world(dsn, with_site=False) as told:
        await node_js.run_tests("test/e2e/direct.test.mjs", **told, SHOTS=str(RESULTS))


@pytest.mark.parametrize("name", ["charter", "mission-support"])
async def test_without_javascript_a_page_says_what_it_needs(dsn, name):
    with open_folder() as folder:
        async with running_pod(dsn) as pod, chromium(folder, "--blink-settings=scriptEnabled=false") as page:
            await page.call("Page.navigate", url=f"{pod.public}/embed/{name}")
            async with asyncio.timeout(PROGRESS):
                while "This page needs JavaScript" not in await page.seen():
                    await asyncio.sleep(0.1)
            await page.screenshot(f"{name}-without-javascript")
