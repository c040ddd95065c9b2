"""The artifacts that are built from the sources in a folder: wheel, charts, documentation site, SBOM."""

from __future__ import annotations

import fcntl
import fnmatch
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

import yaml

import install
from hingecraft.errors import UsageError
from release.archives import files_below, write_tgz
from toolchain.go_tools import cache

WHEEL, CHARTS, SITE, SBOM = "wheel", "charts", "docs-site", "sbom.cdx.json"
_TOOLS = "requirements-image.lock"


@dataclass(frozen=True)
class Builder:
    """Builds into `folder`, which holds the sources. The only time that is written is `when`, in seconds since 1970."""

    folder: Path
    when: int

    def build(self) -> None:
        tools = _tools(self.folder / _TOOLS)
        # The wheel first, so that it does not contain what the others write.
        self._run(tools / "hatchling", "build", "--target", "wheel", "--directory", WHEEL)
        for chart in ("hingecraft", "hingecraft-crds"):
            package(self.folder / "helm" / chart, self.folder / CHARTS, self.when)
        self._run(Path(sys.executable).parent / "mkdocs", "build", "--strict", "--quiet", "--site-dir", SITE)
        self._run(
            tools / "cyclonedx-py", "requirements", "--output-reproducible", "--pyproject", "pyproject.toml",
            "--output-file", SBOM, "requirements.lock",
        )  # fmt: skip

    def _run(self, program: Path, *arguments: str) -> None:
        environment = {
            **os.environ, "SOURCE_DATE_EPOCH": str(self.when), "PYTHONDONTWRITEBYTECODE": "1",
            "NO_MKDOCS_2_WARNING": "1",
        }  # fmt: skip
        command = [str(program), *arguments]
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise UsageError(f"{program.name} {arguments[0]} failed:\n{done.stdout}{done.stderr}")


def package(chart: Path, into: Path, when: int) -> Path:
    """Like `helm package`, but reproducible: that one writes the times of the files and the current time."""
    about = yaml.safe_load((chart / "Chart.yaml").read_text(encoding="utf-8"))
    into.mkdir(exist_ok=True)
    target = into / f"{about['name']}-{about['version']}.tgz"
    files = [file for file in files_below(chart) if not _ignored(file, chart)]
    write_tgz([(f"{about['name']}/{file.relative_to(chart)}", file) for file in files], target, when)
    return target


def _ignored(file: Path, chart: Path) -> bool:
    """Whether .helmignore names the file or a folder that it is in. Our patterns are names, without paths."""
    listed = chart / ".helmignore"
    patterns = listed.read_text(encoding="utf-8").split() if listed.exists() else []
    parts = file.relative_to(chart).parts
    return any(fnmatch.fnmatch(part, pattern.rstrip("/")) for pattern in patterns for part in parts)


def _tools(lock: Path) -> Path:
    """The folder of the build tools, which the image uses too; kept in HC_CACHE under the hash of their lock."""
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    home = cache() / f"release-tools-{python}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    home.parent.mkdir(parents=True, exist_ok=True)
    with home.with_name(f"{home.name}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if not (home / ".installed").exists():
            shutil.rmtree(home, ignore_errors=True)
            environment(home, lock)
            (home / ".installed").touch()
    return home / "bin"


def environment(home: Path, lock: Path) -> None:
    """A new environment with just what the lock lists, each file checked against its hash."""
    venv.create(home, with_pip=False, symlinks=True)
    if install.install(home, "--require-hashes", "--no-deps", "--requirement", str(lock)) != 0:
        raise UsageError(f"what {lock.name} lists could not be installed into {home}")
