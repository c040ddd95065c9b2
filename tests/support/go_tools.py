"""Programs in Go that tests need: built once, kept in HC_CACHE."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path


class MissingToolError(Exception):
    """It is not here and cannot be built."""


def cache() -> Path:
    """What is built once and kept between checkouts."""
    usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hingecraft"
    return Path(os.environ.get("HC_CACHE") or usual)


def built(module: str, version: str) -> Path:
    """The program that the module makes, of just that version; Go's checksum database vouches for the source."""
    name = module.rpartition("/")[2]
    folder = cache() / "go" / f"{name}-{version}"
    program = folder / name
    if program.exists():
        return program
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        raise MissingToolError(f"not run: Go is needed to build {name} (https://go.dev/dl)")
    own = {"GOPATH": cache() / "go" / "path", "GOCACHE": cache() / "go" / "build", "GOBIN": folder}
    command = [go, "install", "-modcacherw", f"{module}@{version}"]
    environment = {**os.environ, **{key: str(path) for key, path in own.items()}}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MissingToolError(f"not run: {name} {version} could not be built: {done.stderr.strip()[-500:]}")
    return program
