"""The stand-in for Wix, by Wix's own packages: they accept its tokens, its events and its answers."""

from __future__ import annotations

from support.folders import open_folder
from support.sandbox import Sandbox
from toolchain.node_js import run_tests


async def test_wixs_packages_accept_it():
    with open_folder() as folder:
        sandbox = Sandbox(folder)
        await sandbox.start()
        try:
            await sandbox.ready()
            await run_tests("test/stand-in.test.mjs", HC_SANDBOX=sandbox.address)
        finally:
            await sandbox.stop()
