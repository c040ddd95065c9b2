"""Members' pages in Chromium, as the backend serves them."""

from __future__ import annotations

from uuid import uuid4

import pytest

from support.chromium import RESULTS
from support.published_site import world
from support.tokens import SETTINGS, token_for
from toolchain import node_js

pytestmark = pytest.mark.timeout(400)
PLAN_SESSIONS = {"jwt_secret": "a plan session secret of at least 32 characters"}


async def test_every_state_of_an_account(dsn):
    token = token_for(str(uuid4()), email="ada@example.com")
    async with world(dsn, with_site=False, **SETTINGS, **PLAN_SESSIONS) as told:
        await node_js.run_tests("test/e2e/account.test.mjs", **told, TOKEN=token, SHOTS=str(RESULTS))


async def test_members_buy(dsn):
    token = token_for(str(uuid4()), email="ada@example.com")
    async with world(dsn, with_site=False, **SETTINGS, **PLAN_SESSIONS) as told:
        await node_js.run_tests("test/e2e/members.test.mjs", **told, TOKEN=token, SHOTS=str(RESULTS))
