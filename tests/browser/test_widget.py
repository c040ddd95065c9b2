"""The widget on pages of other hosts, its settings, and donation pages in all languages and as owners set them."""

from __future__ import annotations

from uuid import uuid4

import pytest

from support.chromium import RESULTS
from support.published_site import world
from toolchain import node_js, page_sizes

pytestmark = pytest.mark.timeout(400)


@pytest.mark.parametrize("name", ["widget", "languages", "panel"])
async def test_in_a_browser(dsn, name):
    owner = str(uuid4())
    async with world(dsn, with_site=False, wix_owner_instances=owner) as told:
        await node_js.run_tests(f"test/e2e/{name}.test.mjs", **told, OWNER=owner, SHOTS=str(RESULTS))


def test_what_visitors_load_is_small():
    assert [str(size) for size in page_sizes.of_visitors() if size.is_over] == []
