"""Node and what the site's tests take from npm; both are fetched once."""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import subprocess
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE, STDOUT
from contextlib import suppress
from pathlib import Path

from hingecraft.errors import UsageError
from hingecraft_sandbox.dev.wix_site import node, wix_folder
from toolchain.go_tools import MissingToolError

WIX = wix_folder()
NODE = node()
LOCK = WIX / "package-lock.json"
NPM = NODE.parents[1] / "lib/node_modules/npm/bin/npm-cli.js"


# Of several waits, each within its own limit of a minute (wix/test/waiting.mjs).
_LONGEST_TEST_MS = 5 * 60_000


def environment(**more: str) -> dict[str, str]:
    """Where scripts that call `node` find the one that we use."""
    return {**os.environ, "PATH": f"{NODE.parent}{os.pathsep}{os.environ['PATH']}", **more}


def modules() -> Path:
    """The folder of the packages in package-lock.json, which are installed if needed."""
    installed = WIX / "node_modules"
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    with (WIX / ".installing").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = installed / ".installed"
        if stamp.is_file() and stamp.read_text() == wanted:
            return installed
        done = subprocess.run(
            [str(NODE), str(NPM), "ci"], cwd=WIX, env=environment(), capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise MissingToolError(f"not run: npm ci in wix failed: {done.stderr.strip()[-500:]}")
        stamp.write_text(wanted)
    return installed


def said_by(*script: str, **more: str) -> str:
    """The output of one of the site's scripts."""
    modules()
    done = subprocess.run(
        [str(NODE), *script], cwd=WIX, env=environment(**more), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise UsageError(done.stderr.strip())
    return done.stdout


# What is made of `wix/html/source`, by the name of its source: the HTML components that are pasted into Wix, the pages
# for members, and the module for sites.
COMPONENTS = {
    "charter": "charter-page-wix-ready.html",
    "mission-support": "mission-support.html",
    "account": "account.html",
    "account-return": "account-return.html",
    "shop": "shop.html",
    "shop-return": "shop-return.html",
    "plan-session": "plan-session.js",
    "wix-pricing": "wix-pricing.html",
    "hingecraft-donate": "hingecraft-donate.js",
    "wix-panel": "wix-panel.html",
}


def component(name: str) -> str:
    """Build one component."""
    return said_by("html/build.mjs", name)


async def run_tests(*files: str, **more: str) -> None:
    """Tests of Node's own runner, which fail with what they said."""
    process = await create_subprocess_exec(
        str(NODE), "--import", "./test/register.mjs",
        "--test", "--test-reporter=spec", f"--test-timeout={_LONGEST_TEST_MS}", *files,
        cwd=WIX, env=environment(**more), stdout=PIPE, stderr=STDOUT, start_new_session=True,
    )  # fmt: skip
    try:
        said, _ = await process.communicate()
    finally:
        # The runner and its browser, where a test is given up.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, said.decode()[-8000:]
    assert "tests 0" not in said.decode()
