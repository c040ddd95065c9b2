"""The card form of the sandbox's Stripe.js in Chromium, on a page of another site."""

from __future__ import annotations

import shutil

import pytest

from support.chromium import RESULTS
from support.folders import open_folder
from support.sandbox import STRIPE_KEY, Sandbox
from toolchain import node_js

pytestmark = pytest.mark.timeout(400)


async def test_the_card_form_pays_declines_and_authenticates():
    node_js.modules()
    with open_folder() as folder:
        sandbox = Sandbox(folder)
        await sandbox.start()
        try:
            await sandbox.ready()
            await node_js.run_tests(
                "test/e2e/card-form.test.mjs", SANDBOX=sandbox.address, STRIPE_KEY=STRIPE_KEY, SHOTS=str(RESULTS),
                CHROMIUM=shutil.which("chromium") or "",
            )  # fmt: skip
        finally:
            await sandbox.stop()
