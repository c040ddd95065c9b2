"""The owner's dashboard in Chromium, in a page that runs Wix's channel: the real API, Postgres and sandbox."""

from __future__ import annotations

import pytest

from support.chromium import RESULTS
from support.dashboard_world import dashboard_world
from toolchain import node_js

# Six pages in six states at three widths are many pictures.
pytestmark = pytest.mark.timeout(900)


@pytest.mark.parametrize("name", ["frame", "acts", "content", "states", "long-list", "recover"])
async def test_in_a_browser(dsn, name):
    async with dashboard_world(dsn) as told:
        await node_js.run_tests(f"dashboard/test/{name}.test.mjs", **told, SHOTS=str(RESULTS))
