"""The shop, its return page and the purchases of an account in Chromium, as the backend serves them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from hingecraft.settings import Secret
from support.chromium import RESULTS
from support.folders import open_folder
from support.published_site import world
from support.tokens import SECRET, SETTINGS, token_for
from toolchain import node_js

pytestmark = pytest.mark.timeout(400)
DRAWING = "<svg xmlns='http://www.w3.org/2000/svg'><title>Brass hinge</title></svg>\n"


@asynccontextmanager
async def shop(dsn: Secret) -> AsyncIterator[dict[str, str]]:
    """A pod with a folder of one design, hinge.svg."""
    with open_folder() as folder:
        (folder / "hinge.svg").write_text(DRAWING)
        settings = {**SETTINGS, "downloads": folder.as_uri(), "download_secret": f"not {SECRET}"}
        async with world(dsn, with_site=False, **settings) as told:
            yield {
                **told, "TOKEN": token_for(str(uuid4()), email="ada@example.com"), "SHOTS": str(RESULTS),
                "DRAWING": DRAWING,
            }  # fmt: skip


async def test_every_state_of_the_shop(dsn):
    async with shop(dsn) as told:
        await node_js.run_tests("test/e2e/shop.test.mjs", **told)


async def test_members_buy_download_and_subscribe(dsn):
    async with shop(dsn) as told:
        await node_js.run_tests("test/e2e/purchases.test.mjs", **told)
