"""The site's own backend code in Node, where `wix-*` are stubs that behave as Wix does."""

from __future__ import annotations

import gzip
import json
import re
import subprocess

import pytest

from support.folders import open_folder
from support.pods import VISITOR_SECRET, running_pod
from support.sandbox import Sandbox
from toolchain import node_js
from toolchain.node_js import run_tests


async def test_it_bears_whatever_visitors_and_backends_do():
    await run_tests("test/site.test.mjs", "test/news.test.mjs", "test/bridge.test.mjs")


@pytest.mark.parametrize("line", ["let a = 1_000;", "let a; a ??= 2;", "export class A { #b = 1 }", "new WeakRef({});"])
def test_lint_refuses_newer_javascript_than_wix_promises(line):
    """Wix promises ES2020; types/check.mjs holds what the library has to the same."""
    node_js.modules()
    lint = [
        str(node_js.NODE),
        "node_modules/eslint/bin/eslint.js",
        "--stdin",
        "--stdin-filename=site/src/public/new.js",
    ]
    done = subprocess.run(lint, cwd=node_js.WIX, input=line, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stdout
    assert "Parsing error" in done.stdout or "'WeakRef' is not defined" in done.stdout


NEWER = [
    "[1].at(-1)", "'a'.at(0)", "[1].findLast(Boolean)", "Object.hasOwn({}, 'a')", "'a'.replaceAll('a', 'b')",
    "Promise.any([])", "new Error('a', { cause: 1 })",
]  # fmt: skip


def test_the_types_refuse_newer_calls_of_the_library_than_wix_promises():
    """By the settings that `make check` compiles the site's code with."""
    node_js.modules()
    with open_folder() as folder:
        (folder / "new.js").write_text("\n".join(f"export const a{at} = {call};" for at, call in enumerate(NEWER)))
        types = {"typeRoots": [str(node_js.WIX / "node_modules/@types")]}
        project = {
            "extends": str(node_js.WIX / "tsconfig.site.json"), "compilerOptions": types, "include": [str(folder)]
        }  # fmt: skip
        (folder / "tsconfig.json").write_text(json.dumps(project))
        compiler = [str(node_js.NODE), "node_modules/typescript/bin/tsc", "--project", str(folder)]
        done = subprocess.run(compiler, cwd=node_js.WIX, capture_output=True, text=True, check=False)
    refused = {int(line) for line in re.findall(r"new[.]js\((\d+),", done.stdout)}
    assert refused == set(range(1, len(NEWER) + 1)), done.stdout


async def test_its_pages_reckon_rightly():
    await run_tests("test/component.test.mjs", "test/texts.test.mjs", "test/velo.test.mjs")


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
                await run_tests("test/real.test.mjs", **environment)
        finally:
            await sandbox.stop()


@pytest.mark.parametrize("source", sorted(node_js.COMPONENTS))
def test_the_html_components_are_made_of_their_source(source):
    """The components pasted into Wix and served under /embed match their sources, and are small."""
    made = (node_js.WIX / "html" / node_js.COMPONENTS[source]).read_text(encoding="utf-8")
    assert made == node_js.component(source), "run `make generate`"
    assert len(gzip.compress(made.encode())) < 40 * 1024
    # The backend makes the policies of the pages that load scripts.
    if made.startswith("<!doctype html>") and source not in {"shop", "wix-panel"}:
        assert "http-equiv" in made
    # The panel shows code that names this backend, and Wix's own code names a host that the panel's policy blocks.
    if not source.startswith("wix-panel"):
        assert not re.search(r"src=\"(?!data:)[^\"]|href=\"(?!data:|/[a-z])[^\"]", made), "nothing comes from elsewhere"
