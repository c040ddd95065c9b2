"""The widget on pages of other hosts, its settings, and donation pages in all languages and as owners set them."""

from __future__ import annotations

import gzip
from uuid import uuid4

import pytest

from support import node_js
from support.chromium import RESULTS
from support.published_site import world

pytestmark = pytest.mark.timeout(400)
# Gzipped.
LARGEST = {
    ("hingecraft-donate.js",): 15 * 1024,
    ("charter-page-wix-ready.html",): 45 * 1024,
    ("mission-support.html",): 45 * 1024,
    ("wix-panel.html", "../dashboard/built/panel-editor.js"): 20 * 1024,
}


@pytest.mark.parametrize("name", ["widget", "languages", "panel"])
async def test_in_a_browser(dsn, name):
    owner = str(uuid4())
    async with world(dsn, with_site=False, wix_owner_instances=owner) as told:
        await node_js.run_tests(f"test/e2e/{name}.test.mjs", **told, OWNER=owner, SHOTS=str(RESULTS))


@pytest.mark.parametrize("files", LARGEST, ids=lambda files: files[0])
def test_what_visitors_load_is_small(files):
    """A page holds the texts of all languages."""
    size = sum(len(gzip.compress((node_js.WIX / "html" / file).read_bytes(), mtime=0)) for file in files)
    assert size <= LARGEST[files]
